import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_files import Pixels, random_pixels
from raises_about import raises_about
from torchvision import datasets

from training.data import DataError
from training.data.cifar import Cifar, Cifar10, Cifar100

LABEL_KEYS = {"CIFAR10": ("labels", "label_names"), "CIFAR100": ("fine_labels", "fine_label_names")}


def _write(path: Path, content: dict[str, Any]) -> str:
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(params=[Cifar10(), Cifar100()], ids=lambda cifar: cifar.name)
def cifar(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cifar:
    """Files of 4 images under torchvision's names, with torchvision told their MD5 sums."""
    spec: Cifar = request.param
    theirs = getattr(datasets, spec.name)
    folder = tmp_path / spec.base_folder
    folder.mkdir()
    for names in ("train_list", "test_list"):
        sums = []
        for name, _ in getattr(theirs, names):
            content = {"data": _images(name), LABEL_KEYS[spec.name][0]: [3, 1, 0, 2]}
            sums.append([name, _write(folder / name, content)])
        monkeypatch.setattr(theirs, names, sums)
    meta = {LABEL_KEYS[spec.name][1]: [f"class {label}" for label in range(spec.num_classes)]}
    md5 = _write(folder / theirs.meta["filename"], meta)
    monkeypatch.setattr(theirs, "meta", {**theirs.meta, "md5": md5})
    return spec


def _images(name: str) -> Pixels:
    return random_pixels(np.random.default_rng(list(name.encode())), 4, 3072)


def test_a_copy_as_single_images_is_not_the_published_data(cifar: Cifar, tmp_path: Path) -> None:
    assert cifar.copy_in(tmp_path) == "", "reading compares the MD5 sums"
    for ending, expected in ((".png", "copy"), (".JPG", "JPEG copy"), (".jpeg", "JPEG copy")):
        root = tmp_path / ending
        for part in ("train", "test"):
            (root / part / "cat").mkdir(parents=True)
            (root / part / "cat" / f"0{ending}").touch()
        assert cifar.copy_in(root) == expected


def test_both_parts_are_read_in_order(cifar: Cifar, tmp_path: Path) -> None:
    assert cifar.is_complete(tmp_path)
    theirs = getattr(datasets, cifar.name)
    for part, names in (("train", theirs.train_list), ("test", theirs.test_list)):
        source = cifar.read(tmp_path, part)  # type: ignore[arg-type]
        wanted = torch.from_numpy(np.concatenate([_images(name) for name, _ in names]))
        assert torch.equal(source.pixels.flatten(1), wanted)
        assert source.labels.tolist() == [3, 1, 0, 2] * len(names)
        assert source.image_shape == cifar.image_shape
        assert len(source.class_names) == cifar.num_classes


def test_a_changed_file_is_refused_before_it_is_unpickled(cifar: Cifar, tmp_path: Path) -> None:
    path = cifar.folder(tmp_path) / cifar.files[0]
    path.write_bytes(path.read_bytes() + b"!")
    with raises_about(DataError, cifar.folder(tmp_path)):
        cifar.read(tmp_path, "train")


def test_a_missing_file_makes_it_incomplete(cifar: Cifar, tmp_path: Path) -> None:
    (cifar.folder(tmp_path) / cifar.files[-1]).unlink()
    assert not cifar.is_complete(tmp_path)


@pytest.mark.parametrize("spec", [Cifar10(), Cifar100()])
def test_file_names_are_those_of_torchvision(spec: Cifar) -> None:
    theirs = getattr(datasets, spec.name)
    names = [name for name, _ in theirs.train_list + theirs.test_list]
    assert spec.base_folder == theirs.base_folder
    assert sorted(spec.files) == sorted([*names, theirs.meta["filename"]])
