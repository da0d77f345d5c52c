"""Images with their labels in memory, and the part of a data set that one trial may see."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images (n, channels, height, width) uint8 in 0..255 and their labels (n,) int64.

    Raises ValueError when a type or shape is another one, or the two lengths differ.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"images are {images.dtype} {tuple(images.shape)}, but must be uint8 (n, c, h, w)")
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(f"labels are {labels.dtype} {tuple(labels.shape)}, but must be int64 {(len(images),)}")

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Self:
        """Give the same set on `device`; tensors that are there already are shared, not copied."""
        return type(self)(self.images.to(device), self.labels.to(device))

    def subset(self, indices: Tensor) -> Self:
        """Copy the images at `indices` (m,) int64, in that order; duplicates are kept."""
        return type(self)(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class TrialData:
    """What one trial trains and selects on. The test set is no part of it: see `load_test_set`.

    `validation` is shuffled, so that its first n images are a fair sample. Two trials whose `split_digest` is
    equal were validated on the same images, in the same order and with the same labels.
    """

    train: ImageSet
    validation: ImageSet
    class_names: tuple[str, ...]
    split_digest: str

    @property
    def num_classes(self) -> int:
        """Number of classes; labels run from 0 to one less."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), the same for all images."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width
