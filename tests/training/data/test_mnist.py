import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import write_idx, write_mnist
from raises_about import raises_about
from torchvision.datasets import MNIST

from training.data import DataError
from training.data.mnist import Mnist


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_both_parts_are_read(tmp_path: Path, suffix: str) -> None:
    images = write_mnist(tmp_path, suffix=suffix)
    assert Mnist().is_complete(tmp_path)
    for part in ("train", "test"):
        source = Mnist().read(tmp_path, part)
        assert torch.equal(source.pixels.squeeze(1), torch.from_numpy(images[part]))
        assert torch.equal(source.labels, torch.arange(len(images[part])) % 10)
        assert source.image_shape == (1, 28, 28)


@pytest.mark.parametrize("is_train", [True, False])
def test_torchvision_reads_the_same(tmp_path: Path, *, is_train: bool) -> None:
    write_mnist(tmp_path)
    theirs = MNIST(tmp_path, train=is_train)
    ours = Mnist().read(tmp_path, "train" if is_train else "test")
    assert torch.equal(ours.pixels.squeeze(1), theirs.data)
    assert torch.equal(ours.labels, theirs.targets)


def test_other_images_in_files_of_the_same_names_are_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_mnist(tmp_path)
    assert Mnist().copy_in(tmp_path) == "other images"
    folder = Mnist().folder(tmp_path)
    sums = [
        hashlib.md5((folder / f"t10k-{kind}-ubyte").read_bytes()).hexdigest() for kind in ("images-idx3", "labels-idx1")
    ]
    assert len(images["test"]) > 0
    monkeypatch.setattr("training.data.mnist._TEST_SUMS", tuple(sums))
    assert Mnist().copy_in(tmp_path) == ""


def test_the_published_sums_are_those_of_mnist() -> None:
    root = os.environ.get("MNIST_ROOT")
    if root is None:
        pytest.skip("set MNIST_ROOT to the data root of MNIST")
    assert Mnist().copy_in(Path(root)) == ""


def test_a_missing_file_makes_it_incomplete(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (Mnist().folder(tmp_path) / "train-labels-idx1-ubyte").unlink()
    assert not Mnist().is_complete(tmp_path)
    with raises_about(DataError, Mnist().folder(tmp_path)):
        Mnist().read(tmp_path, "train")


@pytest.mark.parametrize("labels", [[0, 1, 2], [10] * 50])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: list[int]) -> None:
    write_mnist(tmp_path)
    files = tuple(Mnist().folder(tmp_path) / f"train-{name}-ubyte" for name in ("images-idx3", "labels-idx1"))
    write_idx(files[1], np.array(labels, dtype=np.uint8))
    with raises_about(DataError, files):
        Mnist().read(tmp_path, "train")
