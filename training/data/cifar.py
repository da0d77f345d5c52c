"""CIFAR-10 and CIFAR-100, read from the files of torchvision."""

from pathlib import Path

import torch

from training.data.data_set import StandardDataSet
from training.data.image_source import DataError, InMemorySource, Part
from training.registry import DATASETS


class Cifar(StandardDataSet):
    """50,000 + 10,000 images (3, 32, 32) in ROOT/`base_folder`."""

    base_folder: str
    files: tuple[str, ...]
    image_shape = (3, 32, 32)

    def folder(self, root: Path) -> Path:
        """Return the folder of torchvision's files in the data root."""
        return root / self.base_folder

    def is_complete(self, root: Path) -> bool:
        """Return whether all files exist; `open` checks their content."""
        return all((self.folder(root) / name).is_file() for name in self.files)

    def is_published(self, root: Path) -> bool:
        """Return whether the files are complete: `read` refuses those whose MD5 sums are not the published ones."""
        return self.is_complete(root)

    def read(self, root: Path, part: Part) -> InMemorySource:
        """Read one part. Raise DataError if a file is missing or its MD5 sum is wrong."""
        # Not at the top: the import takes a second in every trial process, and other data sets do not need it.
        from torchvision import datasets

        try:
            # The files are pickles; torchvision checks the MD5 sum of each before it loads any of them.
            data = getattr(datasets, self.name)(root, train=part == "train")
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"The {self.name} files in {self.folder(root)} are damaged or cannot be read ({error}). "
                "Remove that folder and download the data set again.",
                self.folder(root),
            ) from error
        pixels = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        return InMemorySource(tuple(data.classes), torch.tensor(data.targets), pixels)


@DATASETS.register("cifar10")
class Cifar10(Cifar):
    """CIFAR-10."""

    name = "CIFAR10"
    base_folder = "cifar-10-batches-py"
    files = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
    num_classes = 10


@DATASETS.register("cifar100")
class Cifar100(Cifar):
    """CIFAR-100."""

    name = "CIFAR100"
    base_folder = "cifar-100-python"
    files = ("train", "test", "meta")
    num_classes = 100
