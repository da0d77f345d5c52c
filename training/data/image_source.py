"""The interface of every data set: the labels at once, images when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from training.explained_error import ExplainedError

Part = Literal["train", "test"]


class DataError(ExplainedError):
    """Data is missing, damaged or does not fit the configuration; the message names it and a way out."""


class ImageSource(Protocol):
    """One part (train or test) of a data set, in a fixed order.

    The labels are separate from the images, so that only the images of a split need to be decoded.
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return one name per class, in the order of the labels."""

    @property
    def labels(self) -> Tensor:
        """Return all labels, (n,) int64."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width) of every image."""

    @property
    def left_out(self) -> Sequence[str]:
        """Return a line for each kind of file that lies among the images and is not read."""

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width), uint8 or float32 in [0, 1]."""


@dataclass(frozen=True, eq=False)
class InMemorySource:
    """A source with all its images in memory, (n, channels, height, width), uint8 or float32 in [0, 1]."""

    class_names: tuple[str, ...]
    labels: Tensor
    pixels: Tensor
    left_out: Sequence[str] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width) of every image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width)."""
        return self.pixels[indices]
