"""MNIST, read from the files of torchvision, compressed or not."""

import hashlib
import struct
from pathlib import Path

import torch

from training.data.data_set import StandardDataSet
from training.data.idx import find_idx, read_idx
from training.data.image_source import DataError, InMemorySource, Part
from training.registry import DATASETS

# The MD5 sums of t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, uncompressed.
_TEST_SUMS = ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637")
_PREFIXES: dict[Part, str] = {"train": "train", "test": "t10k"}


@DATASETS.register("mnist")
class Mnist(StandardDataSet):
    """MNIST: 60,000 + 10,000 images (1, 28, 28) of 10 classes, in ROOT/MNIST/raw."""

    name = "MNIST"
    num_classes = 10
    image_shape = (1, 28, 28)

    def folder(self, root: Path) -> Path:
        """Return the folder of torchvision's files in the data root."""
        return root / "MNIST" / "raw"

    def is_complete(self, root: Path) -> bool:
        """Return whether all four files exist, each uncompressed or as .gz."""
        return all(None not in self._files(root, part) for part in _PREFIXES)

    def is_published(self, root: Path) -> bool:
        """Return whether images and labels of the test part have the published MD5 sums."""
        found = self.read(root, "test")
        contents = (
            struct.pack(">4i", 2051, *found.pixels.squeeze(1).shape) + found.pixels.numpy().tobytes(),
            struct.pack(">2i", 2049, len(found.labels)) + found.labels.numpy().astype("u1").tobytes(),
        )
        return tuple(hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents) == _TEST_SUMS

    def read(self, root: Path, part: Part) -> InMemorySource:
        """Read one part. Raise DataError if a file is missing or damaged."""
        image_file, label_file = self._files(root, part)
        if image_file is None or label_file is None:
            raise DataError(
                f"{self.folder(root)} lacks the images or the labels of the {part} part. Download MNIST again.",
                self.folder(root),
            )
        images, labels = read_idx(image_file, 3).unsqueeze(1), read_idx(label_file, 1).to(torch.int64)
        if len(images) != len(labels) or (labels >= self.num_classes).any():
            raise DataError(
                f"{label_file} has {len(labels)} labels up to {int(labels.max())}, but must have one label below "
                f"{self.num_classes} for each of the {len(images)} images in {image_file}. Remove both files "
                "and download MNIST again.",
                (image_file, label_file),
            )
        return InMemorySource(tuple(str(digit) for digit in range(self.num_classes)), labels, images)

    def _files(self, root: Path, part: Part) -> tuple[Path | None, Path | None]:
        stem = f"{_PREFIXES[part]}-{{}}-ubyte"
        folder = self.folder(root)
        return find_idx(folder, stem.format("images-idx3")), find_idx(folder, stem.format("labels-idx1"))
