"""Images in memory with their labels."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images (n, channels, height, width), uint8 in 0..255 or float32 in [0, 1], and their labels (n,) int64.

    Whoever makes a set of real numbers has checked their range. Raise ValueError if a type or shape is different, or if
    the two lengths differ.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype not in (torch.uint8, torch.float32) or images.ndim != 4:
            rule = "must be uint8 or float32 (n, c, h, w)"
            raise ValueError(f"images are {images.dtype} {tuple(images.shape)}, but {rule}")
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(f"labels are {labels.dtype} {tuple(labels.shape)}, but must be int64 {(len(images),)}")

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Self:
        """Return the same set on `device`; tensors that are already there are shared, not copied."""
        return type(self)(self.images.to(device), self.labels.to(device))

    def subset(self, indices: Tensor) -> Self:
        """Copy the images at `indices` (m,) int64, in that order; duplicates are kept."""
        return type(self)(self.images[indices], self.labels[indices])
