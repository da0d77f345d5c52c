"""Images of your own for an evaluation: a file of arrays, as `numpy.savez` writes it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data import DataError, ImageSet

SUFFIX = ".npz"
_CHANNELS = (1, 3)


@dataclass(frozen=True, eq=False)
class UnitImageSet(ImageSet):
    """Images (n, channels, height, width) float32 in [0, 1], which 8 bits would round, and their labels (n,) int64."""

    def __post_init__(self) -> None:
        if self.images.dtype != torch.float32 or self.images.ndim != 4:
            raise ValueError(
                f"images are {self.images.dtype} {tuple(self.images.shape)}, but must be float32 in 4 axes"
            )


def read_image_file(path: Path) -> ImageSet:
    """Read the arrays `images` and `labels` of a file `.npz`.

    `images` is uint8 in 0..255 or of real numbers in [0, 1], (n, channels, height, width) or (n, height, width,
    channels) with 1 or 3 channels. `labels` is (n,), integers from 0. Real numbers stay as they are, in float32. Raise
    DataError if the file is missing, damaged or something else.
    """
    arrays = _arrays(path)
    if absent := [key for key in ("images", "labels") if key not in arrays]:
        raise _unfit(path, absent[0], f"has no array {absent[0]}: it has {', '.join(arrays) or 'none'}")
    images, labels = arrays["images"], arrays["labels"]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or (labels.size and labels.min() < 0):
        found = f"{labels.dtype} {labels.shape}" + (f" from {labels.min()}" if labels.size else "")
        raise _unfit(path, "labels", f"has labels {found}, but they must be integers >= 0 in one axis")
    images = _channels_first(path, images)
    if len(images) != len(labels) or not len(labels):
        raise _unfit(
            path, "images", f"has {len(images)} images and {len(labels)} labels, but must have as many of both"
        )
    numbers = torch.from_numpy(labels.astype(np.int64))
    if images.dtype == np.uint8:
        return ImageSet(torch.from_numpy(np.ascontiguousarray(images)), numbers)
    if not np.issubdtype(images.dtype, np.floating):
        raise _unfit(path, "images", f"has images of {images.dtype}, but they must be uint8, or real numbers in [0, 1]")
    if not (images.min() >= 0 and images.max() <= 1):  # also if one is not a number
        found = f"from {images.min():g} to {images.max():g}"
        raise _unfit(
            path, "images", f"has images {found}, but real numbers must be in [0, 1]: divide by the largest value"
        )
    return UnitImageSet(torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)), numbers)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist: name a file that numpy.savez wrote.", path) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}): name a file that numpy.savez wrote.", path) from error


def _channels_first(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    """Return the images as (n, channels, height, width). If both readings are possible, they have that form already."""
    if images.ndim == 4 and images.shape[1] in _CHANNELS:
        return images
    if images.ndim == 4 and images.shape[3] in _CHANNELS:
        return images.transpose(0, 3, 1, 2)
    rule = "(n, channels, height, width) or (n, height, width, channels) with 1 or 3 channels"
    raise _unfit(path, "images", f"has images {images.shape}, but they must be {rule}")


def _unfit(path: Path, key: str, fault: str) -> DataError:
    return DataError(f"{path} {fault}.", (path, key))
