"""What every kind of data set offers: labels at once, images when they are asked for."""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

Part = Literal["train", "test"]


class DataError(Exception):
    """Data is missing, damaged or unfit for the configuration; the message names it and a way out."""


class Source(Protocol):
    """One part (train or test) of a data set, in an order that never changes.

    Labels are separate from images so that a split is made first and only the images in it are decoded.
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""

    @property
    def labels(self) -> Tensor:
        """All labels, (n,) int64."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width) uint8."""


@dataclass(frozen=True, eq=False)
class InMemorySource:
    """A source whose images (n, channels, height, width) uint8 are read as a whole."""

    class_names: tuple[str, ...]
    labels: Tensor
    pixels: Tensor

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width) uint8."""
        return self.pixels[indices]
