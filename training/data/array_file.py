"""Images in a file of arrays, as `numpy.savez` writes it, without objects: no code of a file ever runs."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.image_set import ImageSet
from training.data.image_source import DataError

SUFFIX = ".npz"
CLASS_NAMES = "class_names"
_CHANNELS = (1, 3)
_SHAPES = "(n, height, width), (n, channels, height, width) or (n, height, width, channels) with 1 or 3 channels"
# What numpy and zipfile raise for a file that is damaged, no archive, or holds objects.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    AttributeError,
    TypeError,
    KeyError,
)


@dataclass(frozen=True)
class ArrayFile:
    """A file `.npz` and the names of its arrays, which are read one by one when they are needed."""

    path: Path
    names: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "ArrayFile":
        """Read the directory of a file. Raise DataError if it is missing, damaged, or no such file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(path, tuple(file.files))
        except FileNotFoundError:
            raise DataError(f"{path} does not exist: name a file that numpy.savez wrote.", path) from None
        except _DAMAGED as error:
            raise _damaged(path, error) from error

    def image_set(self, images: str = "images", labels: str = "labels") -> ImageSet:
        """Read the arrays with these names as images and labels.

        The images are uint8 in 0..255 or real numbers in [0, 1], which stay as they are, in float32. The axes are
        (n, height, width), (n, channels, height, width) or (n, height, width, channels) with 1 or 3 channels. Raise
        DataError if an array is missing or something else.
        """
        numbers, pixels = self.labels(labels), self._pixels(images)
        if len(pixels) != len(numbers):
            fault = f"has {len(pixels)} {images} and {len(numbers)} {labels}, but must have as many of both"
            raise self.unfit(images, fault)
        return ImageSet(pixels, numbers)

    def labels(self, key: str) -> Tensor:
        """Read labels, (n,) or (n, 1) integers from 0. Raise DataError if they are something else."""
        found = self._array(key)
        values = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer) or not values.size or values.min() < 0:
            least = f" from {values.min()}" if values.size and values.dtype.kind in "iuf" else ""
            fault = f"has {key} {found.dtype} {found.shape}{least}, but they must be integers >= 0 in one axis"
            raise self.unfit(key, fault)
        return torch.from_numpy(values.astype(np.int64))

    def class_names(self, least: int) -> tuple[str, ...] | None:
        """Read the names of at least `least` classes, or return None if the file has none.

        Raise DataError if they are no texts, too few, or not all different.
        """
        if CLASS_NAMES not in self.names:
            return None
        found = self._array(CLASS_NAMES)
        if found.ndim != 1 or found.dtype.kind != "U":
            fault = f"has {CLASS_NAMES} {found.dtype} {found.shape}, but they must be texts in one axis"
            raise self.unfit(CLASS_NAMES, f"{fault}: write np.array(['cat', 'dog'])")
        names = tuple(map(str, found.tolist()))
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise self.unfit(CLASS_NAMES, f"has the class name {twice!r} twice: give each class a name of its own")
        if len(names) < least:
            fault = f"has {len(names)} {CLASS_NAMES}, but labels up to {least - 1}: name each class, in their order"
            raise self.unfit(CLASS_NAMES, fault)
        return names

    def image_shape(self, key: str) -> tuple[int, int, int]:
        """Return (channels, height, width) of the images of an array, of which only the header is read."""
        self._require(key)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{key}.npy") as member:
                is_first = np.lib.format.read_magic(member) == (1, 0)
                read = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
                shape = read(member)[0]
        except _DAMAGED as error:
            raise _damaged(self.path, error) from error
        axis = self._channel_axis(key, shape)
        channels, (height, width) = (1, shape[1:]) if axis is None else (shape[axis], shape[1:axis] + shape[axis + 1 :])
        return channels, height, width

    def unfit(self, key: str, fault: str) -> DataError:
        """Return the error about an array."""
        return DataError(f"{self.path} {fault}.", (self.path, key))

    def _pixels(self, key: str) -> Tensor:
        found = self._array(key)
        axis = self._channel_axis(key, found.shape)
        images = found[:, None] if axis is None else np.moveaxis(found, axis, 1)
        if images.dtype == np.uint8:
            return torch.from_numpy(np.ascontiguousarray(images))
        if not np.issubdtype(images.dtype, np.floating):
            fault = f"has {key} of {images.dtype}, but they must be uint8, or real numbers in [0, 1]"
            raise self.unfit(key, fault)
        if images.size and not (images.min() >= 0 and images.max() <= 1):  # also if one is not a number
            found_range = f"from {images.min():g} to {images.max():g}"
            fault = f"has {key} {found_range}, but real numbers must be in [0, 1]: divide by the largest value"
            raise self.unfit(key, fault)
        return torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))

    def _channel_axis(self, key: str, shape: tuple[int, ...]) -> int | None:
        """Return the axis of the channels of an array, the first if two are possible; None if it has no such axis."""
        if len(shape) == 3:
            return None
        for axis in (1, 3):
            if len(shape) == 4 and shape[axis] in _CHANNELS:
                return axis
        raise self.unfit(key, f"has {key} {shape}, but they must be {_SHAPES}")

    def _array(self, key: str) -> NDArray[Any]:
        self._require(key)
        try:
            with np.load(self.path, allow_pickle=False) as file:
                found: NDArray[Any] = file[key]
        except _DAMAGED as error:
            raise _damaged(self.path, error) from error
        return found

    def _require(self, key: str) -> None:
        if key not in self.names:
            raise self.unfit(key, f"has no array {key}: it has {', '.join(self.names) or 'none'}")


def _damaged(path: Path, error: Exception) -> DataError:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return DataError(f"{path} cannot be read ({reason}): name a file of arrays that numpy.savez wrote.", path)
