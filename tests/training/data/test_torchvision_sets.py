"""torchvision's data sets, read by its own classes from files of the right form."""

import hashlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from image_files import random_pixels, write_idx
from PIL import Image
from raises_about import raises_about
from torchvision import datasets

from training.config import ConfigError, TrialConfig, parse_trial
from training.data import DataError, ensure_available, is_available, load_test_set, load_trial_data, torchvision_sets

RANDOM = np.random.default_rng(0)


def config_of(name: str, root: Path, **values: Any) -> TrialConfig:
    return parse_trial({"dataset": f"torchvision:{name}", "data_root": str(root), **values})


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(datasets.SVHN.split_list)
    for split in ("train", "test"):
        path = root / f"{split}_32x32.mat"
        # In the files the digit 0 has the label 10.
        labels = (np.arange(40) % 10 + 1)[:, None]
        scipy.io.savemat(path, {"X": random_pixels(RANDOM, 32, 32, 3, 40), "y": labels})
        known[split] = [*known[split][:2], md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", known)


def write_stl10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "stl10_binary"
    folder.mkdir()
    (folder / "class_names.txt").write_text("\n".join(f"bird {number}" for number in range(10)))
    for split in ("train", "test"):
        (folder / f"{split}_X.bin").write_bytes(random_pixels(RANDOM, 40, 3, 96, 96).tobytes())
        (folder / f"{split}_y.bin").write_bytes((np.arange(40, dtype=np.uint8) % 10 + 1).tobytes())
    (folder / "fold_indices.txt").touch()
    (folder / "unlabeled_X.bin").touch()
    for name in ("train_list", "test_list"):
        files = [[file, md5(folder / file)] for file, _ in getattr(datasets.STL10, name)]
        monkeypatch.setattr(datasets.STL10, name, files)


def write_gtsrb(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    base = root / "gtsrb"
    for label in range(3):
        folder = base / "GTSRB" / "Training" / f"{label:05}"
        folder.mkdir(parents=True)
        for number in range(5):
            Image.fromarray(random_pixels(RANDOM, 20 + number, 30, 3)).save(folder / f"{number}.ppm")
    test = base / "GTSRB" / "Final_Test" / "Images"
    test.mkdir(parents=True)
    for number in range(4):
        Image.fromarray(random_pixels(RANDOM, 25, 25, 3)).save(test / f"{number}.ppm")
    rows = [f"{number}.ppm;25;25;1;1;24;24;{number % 2}" for number in range(4)]
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    (base / "GT-final_test.csv").write_text("\n".join([header, *rows]))


def write_fashion(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for prefix, count in (("train", 50), ("t10k", 20)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte", random_pixels(RANDOM, count, 28, 28))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8))


def write_eurosat(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    for name in ("Forest", "River"):
        folder = root / "eurosat" / "2750" / name
        folder.mkdir(parents=True)
        for number in range(10):
            Image.fromarray(random_pixels(RANDOM, 64, 64, 3)).save(folder / f"{number}.jpg")


@pytest.mark.parametrize(
    ("name", "write", "size", "shape", "classes", "counts", "unread"),
    [
        ("SVHN", write_svhn, 0, (3, 32, 32), tuple("0123456789"), (40, 40), 1),
        ("STL10", write_stl10, 24, (3, 24, 24), tuple(f"bird {n}" for n in range(10)), (40, 40), 1),
        ("GTSRB", write_gtsrb, 16, (3, 16, 16), ("0", "1", "2"), (15, 4), 0),
        ("FashionMNIST", write_fashion, 0, (1, 28, 28), tuple(datasets.FashionMNIST.classes), (50, 20), 0),
        ("EuroSAT", write_eurosat, 0, (3, 64, 64), ("Forest", "River"), (16, 4), 0),
    ],
)
def test_files_of_torchvision_are_read(  # noqa: PLR0917
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    write: Any,
    size: int,
    shape: tuple[int, ...],
    classes: tuple[str, ...],
    counts: tuple[int, int],
    unread: int,
) -> None:
    config = config_of(name, tmp_path, **({"image_size": size} if size else {}))
    assert not is_available(config)
    write(tmp_path, monkeypatch)
    assert is_available(config)
    train, test = ensure_available(config)
    assert (sum(train.images_by_class.values()), sum(test.images_by_class.values())) == counts
    assert len(train.left_out) == unread
    data = load_trial_data(config)
    assert (data.image_shape, data.class_names) == (shape, classes)
    assert len(data.train) + len(data.validation) == counts[0]
    assert len(load_test_set(config)) == counts[1]
    assert data.train.labels.bincount().min() > 0


def test_images_of_different_sizes_need_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gtsrb(tmp_path, monkeypatch)
    with pytest.raises(DataError) as caught:
        load_trial_data(config_of("GTSRB", tmp_path))
    assert "image_size" in str(caught.value)


@pytest.mark.parametrize("name", ["SVHN", "ImageNet"])
def test_a_data_set_that_is_away_and_cannot_be_downloaded(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr("torchvision.datasets.svhn.download_url", refuse)
    with raises_about(DataError, tmp_path / "away"):
        ensure_available(config_of(name, tmp_path / "away"))
    assert not (tmp_path / "away").exists()


def test_an_unknown_name_and_a_size_without_use_are_refused() -> None:
    for values, key in (
        ({"dataset": "torchvision:SVNH"}, "dataset"),
        ({"dataset": "digits", "image_size": 8}, "image_size"),
        ({"dataset": "torchvision:SVHN", "image_size": -1}, "image_size"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_trial(values)
        assert [found for found, _ in caught.value.problems] == [key]


@pytest.mark.parametrize("name", dir(torchvision_sets))
def test_torchvision_has_every_class_with_the_arguments_of_the_table(name: str) -> None:
    kinds = getattr(datasets, name).__mro__
    known = {each for kind in kinds for each in inspect.signature(kind.__init__).parameters}
    parts = torchvision_sets._ARGUMENTS[name].parts or {}
    assert {argument for each in parts.values() for argument in each} <= known
