import os
import unicodedata
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from image_files import random_pixels, write_image_folder
from PIL import Image
from raises_about import raises_about

from training.data import DataError
from training.data.image_folder import _scan, open_folder
from training.data.left_out import SUFFIXES

CLASSES = ("ant", "bee", "cow")


def test_images_come_out_sorted_by_class_and_name(tmp_path: Path) -> None:
    written = write_image_folder(tmp_path, CLASSES, 3)
    for part in ("train", "test"):
        source = open_folder(tmp_path, part)
        wanted = np.stack([written[path] for path in sorted(written) if path.startswith(part)])
        assert source.class_names == CLASSES
        assert source.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert source.image_shape == (3, 4, 5)
        images = source.images(torch.arange(9))
        assert torch.equal(images.permute(0, 2, 3, 1), torch.from_numpy(wanted))


def test_any_selection_of_images_comes_in_the_order_asked_for(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 3)
    whole = open_folder(tmp_path, "train").images(torch.arange(9))
    source = open_folder(tmp_path, "train")
    for indices in ([7, 2], [2, 2, 8], [0, 1, 2, 3, 4, 5, 6, 7, 8]):
        images = source.images(torch.tensor(indices))
        assert torch.equal(images, whole[indices])
        images.zero_()  # it is a copy


def test_only_the_images_asked_for_are_decoded_and_each_once(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 2)
    source = open_folder(tmp_path, "train")
    first = source.images(torch.tensor([0, 5]))
    for path in tmp_path.glob("train/*/*.png"):
        path.unlink()
    assert torch.equal(source.images(torch.tensor([5, 0])), first.flip(0))
    with raises_about(DataError, tmp_path / "train/ant/001.png"):
        source.images(torch.tensor([0, 1]))


def test_all_grey_images_have_one_channel(tmp_path: Path) -> None:
    written = write_image_folder(tmp_path, CLASSES, 2, shape=(4, 5))
    source = open_folder(tmp_path, "train")
    assert source.image_shape == (1, 4, 5)
    assert torch.equal(source.images(torch.tensor([3]))[0, 0], torch.from_numpy(written["train/bee/001.png"]))


def test_one_image_in_colour_makes_all_rgb(tmp_path: Path) -> None:
    written = write_image_folder(tmp_path, CLASSES, 2, shape=(4, 5))
    Image.new("RGB", (5, 4), (1, 2, 3)).save(tmp_path / "train/cow/001.png")
    source = open_folder(tmp_path, "train")
    images = source.images(torch.tensor([0, 5]))
    assert torch.equal(images[0], torch.from_numpy(written["train/ant/000.png"]).expand(3, 4, 5))
    assert images[1, :, 0, 0].tolist() == [1, 2, 3]
    assert open_folder(tmp_path, "test").image_shape == (3, 4, 5)


def test_other_files_are_left_out_and_named_but_for_hidden_ones(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    (tmp_path / "train" / ".hidden").mkdir()
    (tmp_path / "train" / "notes.txt").touch()
    ant = tmp_path / "train" / "ant"
    for name in (".DS_Store", "._000.png", "a.txt", "b.txt", "photo.HEIC", "README"):
        (ant / name).touch()
    (ant / "more").mkdir()
    source = open_folder(tmp_path, "train")
    assert len(source.labels) == 3
    files = ["1 file ending in .heic is", "2 files ending in .txt are"]
    expected = ["1 file without a suffix is", *files, "1 sub-folder is"]
    assert len(source.left_out) == len(expected)
    for line, kind in zip(source.left_out, expected, strict=True):
        assert line.startswith(f"{ant}: {kind} not read, because ")
    assert all(suffix in source.left_out[0] for suffix in SUFFIXES)
    assert open_folder(tmp_path, "test").left_out == []


def test_what_is_left_out_of_many_classes_is_one_line_for_each_kind(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    for name in CLASSES:
        (tmp_path / "test" / name / "notes.txt").touch()
    (line,) = open_folder(tmp_path, "test").left_out
    assert line.startswith(f"{tmp_path / 'test'}, 3 classes: 3 files ending in .txt are not read")


def test_images_and_folders_outside_of_the_class_folders_are_counted_and_named(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    train = tmp_path / "train"
    for name in ("val", "extra", ".cache"):
        (tmp_path / name).mkdir()
    (train / "stray.png").write_bytes((train / "ant" / "000.png").read_bytes())
    stray, beside = open_folder(tmp_path, "train").left_out
    assert stray.startswith(f"{train}: 1 image (stray.png) is not read")
    assert beside.startswith(f"{tmp_path}: 2 folders beside train and test (extra, val) are not read")
    (tmp_path / "extra").rmdir()
    (train / "b.png").write_bytes((train / "stray.png").read_bytes())
    _scan.cache_clear()
    stray, beside = open_folder(tmp_path, "train").left_out
    assert "2 images" in stray
    assert "1 folder beside train and test (val) is not read" in beside
    assert open_folder(tmp_path, "test").left_out == [], "each is named once"


@pytest.mark.parametrize("suffix", [".gif", ".jfif", ".jpe"])
def test_less_common_suffixes_are_read(tmp_path: Path, suffix: str) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    image = Image.new("RGB", (5, 4), (250, 0, 0))
    image.save(tmp_path / f"train/ant/001{suffix}", format="GIF" if suffix == ".gif" else "JPEG")
    red, green, blue = open_folder(tmp_path, "train").images(torch.tensor([1]))[0, :, 0, 0].tolist()
    assert (red > 240, green < 10, blue < 10) == (True, True, True)


def test_an_animation_is_no_image(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    path = tmp_path / "train/ant/001.gif"
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with raises_about(DataError, path):
        open_folder(tmp_path, "train")


def test_of_the_pictures_of_a_phone_the_first_is_read(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "train/ant/001.jpg", format="MPO", save_all=True, append_images=frames[1:])
    red, _, blue = open_folder(tmp_path, "train").images(torch.tensor([1]))[0, :, 0, 0].tolist()
    assert red > 240 > blue


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_only_opaque_images_are_read(tmp_path: Path, mode: str, part: Literal["train", "test"]) -> None:
    """A shape that lies in the alpha channel alone would be lost."""
    write_image_folder(tmp_path, CLASSES, 1)
    path = tmp_path / part / "ant/000.png"
    image = Image.new("RGBA", (5, 4), (10, 10, 10, 255))
    image.convert(mode).save(path)
    assert set(open_folder(tmp_path, part).images(torch.tensor([0])).flatten().tolist()) == {10}
    image.putpixel((2, 2), (10, 10, 10, 100))
    image.convert(mode).save(path) if mode != "P" else image.quantize(4).save(path)
    _scan.cache_clear()
    with raises_about(DataError, path):
        open_folder(tmp_path, part)


def test_a_class_has_one_name_however_its_accents_are_spelt(tmp_path: Path) -> None:
    composed, decomposed = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
    write_image_folder(tmp_path, (composed, "bee"), 1)
    (tmp_path / "test" / composed).rename(tmp_path / "test" / decomposed)
    for part in ("train", "test"):
        assert open_folder(tmp_path, part).class_names == ("bee", composed)
    (tmp_path / "test" / composed).mkdir()
    with raises_about(DataError, composed):
        _scan.cache_clear()
        open_folder(tmp_path, "test")


def test_a_class_folder_whose_name_is_not_utf_8_is_named(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    path = Path(os.fsdecode(os.fsencode(tmp_path / "train") + b"/\xff"))
    path.mkdir()
    with raises_about(DataError, path) as caught:
        open_folder(tmp_path, "train")
    assert str(caught.value).encode()


def test_jpeg_and_capital_suffixes_are_read(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    image = Image.fromarray(random_pixels(np.random.default_rng(0), 4, 5, 3))
    image.save(tmp_path / "train/ant/001.JPG")
    with Image.open(tmp_path / "train/ant/001.JPG") as saved:
        wanted = torch.from_numpy(np.array(saved))
    assert torch.equal(open_folder(tmp_path, "train").images(torch.tensor([1]))[0].permute(1, 2, 0), wanted)


@pytest.mark.parametrize(
    ("image", "fact"),
    [
        (Image.new("RGB", (6, 4)), "6 x 4"),
        (Image.fromarray(np.full((4, 5), 1000, dtype=np.uint16)), "'I;16'"),
        (None, "cannot identify image file"),  # Pillow's words
    ],
)
def test_an_image_that_differs_or_is_damaged_is_named_at_once(
    tmp_path: Path, image: Image.Image | None, fact: str
) -> None:
    write_image_folder(tmp_path, CLASSES, 2)
    path = tmp_path / "train/bee/001.png"
    if image is None:
        path.write_bytes(b"no image")
    else:
        image.save(path)
    with raises_about(DataError, path) as caught:
        open_folder(tmp_path, "train")
    assert fact in str(caught.value)


def test_a_truncated_image_is_named_when_it_is_decoded(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 2, shape=(16, 16, 3))
    path = tmp_path / "train/cow/000.png"
    path.write_bytes(path.read_bytes()[:200])
    source = open_folder(tmp_path, "train")
    source.images(torch.arange(4))
    with raises_about(DataError, path):
        source.images(torch.arange(6))


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with raises_about(DataError, tmp_path / "train"):
        open_folder(tmp_path, "train")
    (tmp_path / "train" / "ant").mkdir(parents=True)
    with raises_about(DataError, tmp_path / "train"):
        open_folder(tmp_path, "train")
    (tmp_path / "train" / "bee").mkdir()
    with raises_about(DataError, tmp_path / "train" / "ant"):
        open_folder(tmp_path, "train")


def test_test_part_must_have_the_classes_of_the_training_part(tmp_path: Path) -> None:
    write_image_folder(tmp_path, CLASSES, 1)
    (tmp_path / "test" / "bee").rename(tmp_path / "test" / "bees")
    with raises_about(DataError, ("bee", "bees")):
        open_folder(tmp_path, "test")


@pytest.mark.parametrize("test_shape", [(4, 6), (4, 5, 3)])
def test_test_part_must_have_the_shape_of_the_training_part(tmp_path: Path, test_shape: tuple[int, ...]) -> None:
    write_image_folder(tmp_path, CLASSES, 1, shape=(4, 5))
    for path in tmp_path.glob("test/*/*.png"):
        Image.fromarray(np.zeros(test_shape, dtype=np.uint8)).save(path)
    with raises_about(DataError, tmp_path / "test"):
        open_folder(tmp_path, "test")


def test_a_size_makes_squares_of_images_of_different_sizes(tmp_path: Path) -> None:
    write_image_folder(tmp_path, ("a", "b"), 2, shape=(6, 8, 3))
    Image.fromarray(np.full((20, 10, 3), 7, dtype=np.uint8)).save(tmp_path / "train" / "a" / "other.png")
    source = open_folder(tmp_path, "train", image_size=4)
    assert source.image_shape == (3, 4, 4)
    assert (source.images(torch.arange(5))[2] == 7).all()
