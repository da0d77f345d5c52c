"""`dataset: arrays`: one file with two parts, or with one set that is split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from raises_about import raises_about

from training.config import TrialConfig, parse_trial
from training.data import DataError, ensure_available, is_available, load_test_set, load_trial_data, part_contents
from training.data.array_file import ArrayFile
from training.data.own_arrays import OwnArrays
from training.data.split import part_of_one_set

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3
PARTS = {
    "train_images": IMAGES[:45],
    "train_labels": LABELS[:45],
    "test_images": IMAGES[45:],
    "test_labels": LABELS[45:],
}


def write(folder: Path, **arrays: Any) -> TrialConfig:
    np.savez(folder / "mine.npz", **{key: value for key, value in arrays.items() if value is not None})
    return parse_trial({"dataset": "arrays", "data_root": str(folder / "mine.npz")})


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_two_parts(tmp_path: Path, kind: type) -> None:
    arrays: dict[str, Any] = dict(PARTS)
    if kind is np.float32:
        arrays |= {f"{part}_images": arrays[f"{part}_images"] / np.float32(255) for part in ("train", "test")}
    config = write(tmp_path, **arrays, class_names=np.array(["ant", "bee", "cat"]))
    train, test = ensure_available(config)
    assert train.images_by_class == {"ant": 15, "bee": 15, "cat": 15}
    assert test.images_by_class == {"ant": 5, "bee": 5, "cat": 5}
    data = load_trial_data(config)
    assert (data.image_shape, data.class_names) == ((3, 4, 4), ("ant", "bee", "cat"))
    assert (len(data.train), len(data.validation)) == (39, 6)
    expected = torch.from_numpy(arrays["test_images"].transpose(0, 3, 1, 2).copy())
    assert torch.equal(load_test_set(config).images, expected)


def test_one_set_is_split_by_class_and_always_in_the_same_way(tmp_path: Path) -> None:
    config = write(tmp_path, images=IMAGES, labels=LABELS)
    train, test = ensure_available(config)
    assert train.images_by_class == dict.fromkeys("012", 16)
    assert test.images_by_class == dict.fromkeys("012", 4)
    whole = ArrayFile.open(tmp_path / "mine.npz").image_set()
    parts = [OwnArrays().open(tmp_path / "mine.npz", part) for part in ("train", "test")]
    pixels = torch.cat([part.pixels for part in parts])
    assert {each.numpy().tobytes() for each in pixels} == {each.numpy().tobytes() for each in whole.images}
    indices = part_of_one_set(whole.labels, tuple("012"), "test")
    assert torch.equal(parts[1].pixels, whole.images[indices])
    assert torch.equal(load_test_set(config).labels, whole.labels[indices])


def test_other_arrays_are_named_as_not_read(tmp_path: Path) -> None:
    config = write(tmp_path, **PARTS, val_images=IMAGES[:3], val_labels=LABELS[:3])
    train, test = ensure_available(config)
    (sentence,) = train.left_out
    assert test.left_out == ()
    assert "val_images, val_labels" in sentence
    assert part_contents(config, "train").left_out == train.left_out


def test_a_folder_may_hold_the_file(tmp_path: Path) -> None:
    write(tmp_path, **PARTS)
    config = parse_trial({"dataset": "arrays", "data_root": str(tmp_path)})
    assert is_available(config)
    assert len(load_test_set(config)) == 15
    np.savez(tmp_path / "other.npz", images=IMAGES)
    with raises_about(DataError, tmp_path):
        ensure_available(config)


@pytest.mark.parametrize("place", ["absent.npz", "."])
def test_data_that_are_away(tmp_path: Path, place: str) -> None:
    config = parse_trial({"dataset": "arrays", "data_root": str(tmp_path / place)})
    assert not is_available(config)
    with raises_about(DataError, tmp_path / place):
        ensure_available(config)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        *(({key: None}, key) for key in PARTS),
        ({"images": IMAGES, "labels": LABELS}, "train_images"),
        ({"labels": LABELS}, "train_images"),
        ({"test_images": IMAGES[45:, :3]}, "test_images"),
        ({"test_labels": LABELS[40:]}, "test_images"),
        ({"test_labels": LABELS[45:] + 3, "class_names": np.array(["ant", "bee", "cat"])}, "class_names"),
        ({"train_images": IMAGES[:45] / 254}, "train_images"),
    ],
)
def test_unfit_files_are_refused_with_the_array(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    config = write(tmp_path, **{**PARTS, **changes})
    with raises_about(DataError, (tmp_path / "mine.npz", wrong)):
        ensure_available(config)


def test_a_class_without_training_images_is_refused(tmp_path: Path) -> None:
    config = write(tmp_path, **{**PARTS, "test_labels": LABELS[45:] + 1})
    with raises_about(DataError, "3"):
        ensure_available(config)
