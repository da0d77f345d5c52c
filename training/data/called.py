"""Data sets that a class or function from outside the project returns: the project's own kind, or PyTorch's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.data.data_set import DataSet
from training.data.image_source import DataError, ImageSource, Part
from training.data.parts import one_set, two_sets
from training.data.torch_dataset import TorchSource
from training.registry_entry import Entry


class CalledDataSet(DataSet):
    """What `entry` returns: a DataSet, a data set of PyTorch that is split, or a pair of them for training and test.

    If it has a parameter `train`, it is called once for each part, as the classes of torchvision are. `root` is the
    data root. Raise DataError if it fails or returns something else.
    """

    is_downloaded = True

    def __init__(self, entry: Entry, knobs: Mapping[str, Any]) -> None:
        self._entry, self._knobs = entry, knobs

    def is_available(self, root: Path) -> bool:
        """Return whether the data are on disk; true of a data set of PyTorch, which is made to find that out."""
        built = self._own(root)
        return built is None or built.is_available(root)

    def fetch(self, root: Path) -> None:
        """Download the data if the data set knows how."""
        if built := self._own(root):
            built.fetch(root)

    def open(self, root: Path, part: Part) -> ImageSource:
        """Return one part."""
        name = self._entry.name
        built = self._called(root, train=True)
        if isinstance(built, DataSet):
            return _opened(name, built, root, part)
        if isinstance(built, tuple | list) and len(built) == 2:
            train, test = built
        elif "train" in self._entry.asked:
            train, test = built, self._called(root, train=False)
        else:
            return one_set(TorchSource(name, built), part)
        return two_sets(name, TorchSource(f"{name} (train)", train), TorchSource(f"{name} (test)", test), part)

    def _own(self, root: Path) -> DataSet | None:
        """Return what is called if it is the project's own kind: only that says where its data are."""
        if "train" in self._entry.asked:
            return None
        built = self._called(root, train=True)
        return built if isinstance(built, DataSet) else None

    def _called(self, root: Path, *, train: bool) -> Any:
        try:
            return self._entry.build(self._knobs, root=str(root), train=train)
        except DataError:
            raise
        except Exception as error:
            raise _failed(self._entry.name, error) from error


def _opened(name: str, data_set: DataSet, root: Path, part: Part) -> ImageSource:
    try:
        return data_set.open(root, part)
    except (DataError, OSError):
        raise
    except Exception as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> DataError:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return DataError(f"The data set {name} cannot be read ({reason}).", name)
