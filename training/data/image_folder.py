"""Reads images from ROOT/train/CLASS/* and ROOT/test/CLASS/*: headers at once, pixels when they are needed.

Decoding is a plain loop. A thread pool was slower for 32 x 32 JPEGs (10,000 images: 0.8 s in a loop, 1.7 s
with two threads; 2 cores, Python 3.11, Pillow 13, n = 1), because most of the work holds Python's global lock.
"""

import struct
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.data.image_size import as_square
from training.data.image_source import DataError, Part
from training.data.left_out import SUFFIXES, beside_classes, beside_images, beside_parts, is_image, is_visible

_OPAQUE = 255
_GREY_MODES = ("1", "L", "LA")
_COLOUR_MODES = ("P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")
# The exceptions of Pillow for damaged files; its documentation names only OSError.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


class FolderSource:
    """The images of one part in sorted order. Each is decoded at most once and then kept as uint8."""

    def __init__(
        self,
        class_names: tuple[str, ...],
        labels: Tensor,
        image_shape: tuple[int, int, int],
        paths: Sequence[Path],
        *,
        left_out: Sequence[str] = (),
        image_size: int = 0,
    ) -> None:
        self.class_names = class_names
        self.labels = labels
        self.image_shape = image_shape
        self.left_out = left_out
        self._paths = paths
        self._image_size = image_size
        # Space for all images: the operating system provides the memory only when it is written to.
        self._pixels = np.empty((len(paths), *image_shape), dtype=np.uint8)
        self._is_decoded = np.zeros(len(paths), dtype=np.bool_)

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width) uint8.

        Raise DataError with the name of the file if an image cannot be decoded.
        """
        wanted = indices.numpy()
        for index in wanted[~self._is_decoded[wanted]]:
            self._pixels[index] = _decode(self._paths[index], self.image_shape[0], self._image_size)
            self._is_decoded[index] = True
        return torch.from_numpy(self._pixels[wanted])


def open_folder(root: Path, part: Part, image_size: int = 0) -> FolderSource:
    """List the images ROOT/PART/CLASS/* and read the header of each, once per process.

    Classes are the sub-folders in sorted order. Images are grey (1 channel) if all training images are grey,
    otherwise RGB. `left_out` of the result says what is not read: files in the class folders whose suffix is not in
    `SUFFIXES`, sub-folders of them, images beside them, and folders beside `ROOT/train` and `ROOT/test`.
    With `image_size` > 0 each image is cropped in the middle to a square and resized to that side.

    Raise DataError if a folder is missing or empty, an image is damaged, has another size than the others or more
    than 8 bits per value, or the test part does not match the training part. An image that is partly transparent
    raises it as well: what the network would see depends on a background that the file does not have. Its pixels are
    decoded for that, but only if the header says that there may be transparency.
    """
    train = _scan(root / "train", image_size)
    found = train if part == "train" else _scan(root / "test", image_size)
    if unmatched := sorted(set(train.class_names) ^ set(found.class_names)):
        raise DataError(
            f"{root / 'train'} and {root / 'test'} must have class folders of the same names, but only one "
            f"of them has {', '.join(unmatched)}. Add the missing ones or remove these.",
            tuple(unmatched),
        )
    if found.image_shape[1:] != train.image_shape[1:] or found.image_shape[0] > train.image_shape[0]:
        raise DataError(
            f"The images in {root / 'test'} are {found.image_shape} (channels, height, width), but those in "
            f"{root / 'train'} are {train.image_shape}. Convert one part to the shape of the other.",
            root / "test",
        )
    left_out = [*found.left_out, *(beside_parts(root) if part == "train" else [])]
    return FolderSource(
        found.class_names, found.labels, train.image_shape, found.paths, left_out=left_out, image_size=image_size
    )


@dataclass(frozen=True, eq=False)
class _Scan:
    class_names: tuple[str, ...]
    labels: Tensor
    image_shape: tuple[int, int, int]
    paths: list[Path]
    left_out: list[str]


# Two entries: the training and the test part of one data set. Reading the headers of 50,000 files takes 2 s.
@lru_cache(maxsize=2)
def _scan(folder: Path, image_size: int) -> _Scan:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: images are expected as {folder}/CLASS/*.png or *.jpg.", folder)
    class_folders = _class_folders(folder)
    if len(class_folders) < 2:
        raise DataError(
            f"{folder} has {len(class_folders)} class folder(s), but needs at least 2: images are expected "
            f"as {folder}/CLASS/*.png or *.jpg.",
            folder,
        )
    images = [_list_images(class_folder) for class_folder in class_folders.values()]
    counts = torch.tensor([len(paths) for paths in images])
    paths = [path for class_paths in images for path in class_paths]
    return _Scan(
        class_names=tuple(class_folders),
        labels=torch.arange(len(counts)).repeat_interleave(counts),
        image_shape=_common_shape(paths, image_size),
        paths=paths,
        left_out=[*beside_classes(folder), *beside_images(folder, class_folders.values())],
    )


def _class_folders(folder: Path) -> dict[str, Path]:
    """Return the class folders by name, sorted. Accents have one spelling, whichever the file system chose."""
    found: dict[str, Path] = {}
    for entry in folder.iterdir():
        if not entry.is_dir() or not is_visible(entry):
            continue
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            message = f"The name of the class folder {str(entry)!r} is not valid UTF-8: rename it."
            raise DataError(message, entry) from error
        name = unicodedata.normalize("NFC", entry.name)
        if name in found:
            message = f"{folder} has the class {name} twice, with its accents in two spellings: merge the two folders."
            raise DataError(message, name)
        found[name] = entry
    return dict(sorted(found.items()))


def _list_images(folder: Path) -> list[Path]:
    images = sorted(path for path in folder.iterdir() if is_image(path))
    if not images:
        raise DataError(f"The class {folder} has no images ({', '.join(SUFFIXES)}). Add some or remove it.", folder)
    return images


def _common_shape(paths: Sequence[Path], image_size: int) -> tuple[int, int, int]:
    """Read all headers and return (channels, height, width), with 1 channel if all images are grey.

    Sizes may differ if there is an `image_size`.
    """
    first_size, all_grey = _measure(paths[0])
    for path in paths[1:]:
        size, is_grey = _measure(path)
        if size != first_size and not image_size:
            raise DataError(
                f"{path} is {size[0]} x {size[1]} pixels, but {paths[0]} is {first_size[0]} x {first_size[1]}:"
                " all images must have the same size. Set image_size, or remove those of another size.",
                path,
            )
        all_grey = all_grey and is_grey
    width, height = (image_size, image_size) if image_size else first_size
    return 1 if all_grey else 3, height, width


def _measure(path: Path) -> tuple[tuple[int, int], bool]:
    """Read the header of one image; return its size (width, height) and whether it is grey."""
    try:
        with Image.open(path) as image:
            _require_one_opaque_image(path, image)
            return image.size, image.mode in _GREY_MODES
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def _require_one_opaque_image(path: Path, image: Image.Image) -> None:
    if image.mode not in _GREY_MODES + _COLOUR_MODES:
        raise DataError(
            f"{path} has Pillow's mode {image.mode!r}, but must have 8 bits per value "
            f"({', '.join(_GREY_MODES + _COLOUR_MODES)}). Convert it.",
            path,
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # phones save a preview as the second frame of a JPEG
        raise DataError(f"{path} has {frames} frames, but must be one image: save each frame as a file.", path)
    if image.has_transparency_data and np.array(image.convert("RGBA"))[..., 3].min() < _OPAQUE:
        raise DataError(
            f"{path} is partly transparent, and what a network sees there would depend on the background: save the "
            "images with a background, without an alpha channel.",
            path,
        )


def _decode(path: Path, channels: int, image_size: int) -> NDArray[np.uint8]:
    """Decode one image to (channels, height, width)."""
    try:
        with Image.open(path) as image:
            coloured = image.convert("RGBA") if image.has_transparency_data else image
            converted = coloured.convert("L" if channels == 1 else "RGB")
            pixels = np.array(as_square(converted, image_size) if image_size else converted, ndmin=3)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    return pixels if channels == 1 else pixels.transpose(2, 0, 1)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is not an image that Pillow can read ({error}). Replace or remove it.", path)
