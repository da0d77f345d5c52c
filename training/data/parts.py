"""The two parts of data sets of PyTorch: two objects, or one that is split."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.data.class_names import naming_difference
from training.data.image_source import DataError, ImageSource, Part
from training.data.split import part_of_one_set
from training.data.torch_dataset import TorchSource


@dataclass(frozen=True, eq=False)
class PartSource:
    """The images of a source at `indices` (m,) int64, with the class names of the whole data set."""

    source: ImageSource
    indices: Tensor
    class_names: tuple[str, ...]
    left_out: Sequence[str] = field(default=())

    @property
    def labels(self) -> Tensor:
        """Return the labels of the part, (m,) int64."""
        return self.source.labels[self.indices]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width) of every image."""
        return self.source.image_shape

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` of the part: (n, channels, height, width)."""
        return self.source.images(self.indices[indices])


def one_set(source: ImageSource, part: Part) -> PartSource:
    """Return a part of a data set without a test part: a stratified fifth, or the rest."""
    indices = part_of_one_set(source.labels, source.class_names, part)
    return PartSource(source, indices, source.class_names, source.left_out)


def two_sets(name: str, train: TorchSource, test: TorchSource, part: Part) -> PartSource:
    """Return one of two parts. Raise DataError if the test part does not fit the training part.

    Classes without names have numbers, as many as the part with more of them needs.
    """
    if train.image_shape != test.image_shape:
        shapes = f"test images {test.image_shape} (channels, height, width), but training images {train.image_shape}"
        raise DataError(f"{name} has {shapes}: {train.way_to_one_size}.", name)
    names = max(train.class_names, test.class_names, key=len)
    fewer = min(train.class_names, test.class_names, key=len)
    numbers = tuple(map(str, range(len(names))))
    is_numbered = (names, fewer) == (numbers, numbers[: len(fewer)])
    if not is_numbered and (difference := naming_difference(test.class_names, train.class_names)):
        raise DataError(f"{name}: the test part has {difference} from the training part. Use the same `classes`.", name)
    source = train if part == "train" else test
    return PartSource(source, torch.arange(len(source.labels)), names, source.left_out)
