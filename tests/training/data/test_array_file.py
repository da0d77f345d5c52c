"""Files of arrays: what they may hold, and what is refused with the array that is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from raises_about import raises_about

from training.data import DataError
from training.data.array_file import ArrayFile
from training.data.augment import to_unit

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (5, 3, 8, 6), dtype=np.uint8)
LABELS = np.array([0, 3, 2, 1, 0])


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "file.npz", **arrays)
    return folder / "file.npz"


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_both_orders_of_axes_and_both_kinds_of_numbers_are_the_same_images(
    tmp_path: Path, axes: tuple[int, ...], kind: type
) -> None:
    images = BYTES if kind is np.uint8 else (BYTES / np.float32(255)).astype(kind)
    found = ArrayFile.open(write(tmp_path, images=images.transpose(axes), labels=LABELS.astype(np.int32))).image_set()
    assert torch.equal(to_unit(found.images), torch.from_numpy(BYTES).float() / 255)
    assert found.labels.tolist() == LABELS.tolist()
    assert len(found.subset(torch.tensor([1, 3])).to("cpu")) == 2


def test_real_numbers_are_not_rounded_to_8_bits(tmp_path: Path) -> None:
    images = RANDOM.random((5, 1, 4, 4), dtype=np.float32)
    found = ArrayFile.open(write(tmp_path, images=images, labels=LABELS)).image_set()
    assert torch.equal(to_unit(found.images), torch.from_numpy(images))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"images": None}, "images"),
        ({"labels": None}, "labels"),
        ({"images": BYTES.astype(np.int64)}, "images"),
        ({"images": BYTES.astype(np.float32)}, "images"),
        ({"images": np.full((5, 1, 4, 4), np.nan)}, "images"),
        ({"images": -(BYTES / 255)}, "images"),
        ({"images": BYTES[:, 0, 0]}, "images"),
        ({"images": BYTES[:, None]}, "images"),
        ({"images": BYTES.astype(np.uint16)}, "images"),
        ({"images": BYTES[:, 0].astype(complex)}, "images"),
        ({"images": BYTES[:, :2]}, "images"),
        ({"images": BYTES[:4]}, "images"),
        ({"images": BYTES[:0], "labels": LABELS[:0]}, "labels"),
        ({"labels": LABELS - 1}, "labels"),
        ({"labels": LABELS / 2}, "labels"),
        ({"labels": np.eye(5, dtype=np.int64)}, "labels"),
        ({"labels": LABELS.astype(str)}, "labels"),
        ({"labels": LABELS > 0}, "labels"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    arrays = {"images": BYTES, "labels": LABELS, **changes}
    path = write(tmp_path, **{key: value for key, value in arrays.items() if value is not None})
    with raises_about(DataError, (path, wrong)):
        ArrayFile.open(path).image_set()


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    with raises_about(DataError, path):
        ArrayFile.open(path).image_set()
    for content in (b"", b"text", write(tmp_path, images=BYTES, labels=LABELS).read_bytes()[:-80]):
        path.write_bytes(content)
        with raises_about(DataError, path):
            ArrayFile.open(path).image_set()
    write(tmp_path, images=BYTES, labels=np.array([object()] * 5))
    with raises_about(DataError, path):
        ArrayFile.open(path).image_set()
    np.save(tmp_path / "one.npy", BYTES)
    (tmp_path / "one.npy").rename(path)
    with raises_about(DataError, path):
        ArrayFile.open(path).image_set()


def test_grey_images_need_no_axis_of_channels_and_labels_may_be_a_column(tmp_path: Path) -> None:
    file = ArrayFile.open(write(tmp_path, images=BYTES[:, 0], labels=LABELS[:, None]))
    found = file.image_set()
    assert torch.equal(found.images, torch.from_numpy(BYTES[:, :1]))
    assert found.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("images", "shape"),
    [(BYTES, (3, 8, 6)), (BYTES.transpose(0, 2, 3, 1), (3, 8, 6)), (BYTES[:, 0], (1, 8, 6))],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_shape_is_read_from_the_header(tmp_path: Path, images: Any, shape: tuple[int, ...], save: Any) -> None:
    save(tmp_path / "file.npz", images=images, labels=LABELS)
    assert ArrayFile.open(tmp_path / "file.npz").image_shape("images") == shape


def test_names_of_classes(tmp_path: Path) -> None:
    names = ["ant", "bee", "cat", "dog"]
    assert ArrayFile.open(write(tmp_path, class_names=np.array(names))).class_names(4) == tuple(names)
    assert ArrayFile.open(write(tmp_path, images=BYTES)).class_names(4) is None
    for wrong in (names[:3], ["ant", "bee", "ant", "dog"], [1, 2, 3, 4], [names]):
        path = write(tmp_path, class_names=np.array(wrong))
        with raises_about(DataError, (path, "class_names")):
            ArrayFile.open(path).class_names(4)
