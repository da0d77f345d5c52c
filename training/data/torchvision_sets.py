"""The classification data sets of torchvision by name, such as `dataset: torchvision:SVHN`.

`image_size` crops every image in the middle to a square and resizes it, which data sets of photographs need. Files are
downloaded by torchvision where the network allows it, before the first trial.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.config.fields import whole
from training.data.data_set import DataSet
from training.data.download import download
from training.data.image_source import DataError, Part
from training.data.parts import PartSource, one_set, two_sets
from training.data.torch_dataset import TorchSource

# The keys that every one of these data sets has.
KNOBS = {"image_size": whole(0, 0)}
_PARTS: tuple[Part, ...] = ("train", "test")


@dataclass(frozen=True)
class _Arguments:
    """How torchvision's class makes each part, None if it has one set only; and its splits that are not read."""

    parts: Mapping[Part, Mapping[str, Any]] | None
    unread: tuple[str, ...] = ()


def _splits(train: str = "train", test: str = "test", *unread: str) -> _Arguments:
    return _Arguments({"train": {"split": train}, "test": {"split": test}}, unread)


_TWO = _Arguments({"train": {"train": True}, "test": {"train": False}})
_ARGUMENTS = {
    **dict.fromkeys(("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS"), _TWO),
    **dict.fromkeys(("FER2013", "Food101", "GTSRB", "StanfordCars"), _splits()),
    **dict.fromkeys(("DTD", "Flowers102", "PCAM", "RenderedSST2"), _splits("train", "test", "val")),
    **dict.fromkeys(("ImageNet", "Imagenette"), _splits("train", "val")),
    **dict.fromkeys(("Caltech101", "Caltech256", "EuroSAT", "SEMEION", "SUN397"), _Arguments(None)),
    "Country211": _splits("train", "test", "valid"),
    "EMNIST": _Arguments(
        {"train": {"split": "balanced", "train": True}, "test": {"split": "balanced", "train": False}}
    ),
    "FGVCAircraft": _splits("trainval"),
    "OxfordIIITPet": _splits("trainval"),
    "STL10": _splits("train", "test", "unlabeled"),
    "SVHN": _splits("train", "test", "extra"),
}


def __getattr__(name: str) -> Callable[..., DataSet]:
    """Return the function that makes the data set `name`. Raise AttributeError if there is none of that name."""
    if name not in _ARGUMENTS:
        raise AttributeError(name)

    def build(image_size: int) -> DataSet:
        return TorchvisionDataSet(name, _ARGUMENTS[name], image_size)

    return build


def __dir__() -> list[str]:
    """Return the names of the data sets."""
    return sorted(_ARGUMENTS)


class TorchvisionDataSet(DataSet):
    """A data set in the files of torchvision's class `name`. One without a test part is split by a fixed seed."""

    is_downloaded = True

    def __init__(self, name: str, arguments: _Arguments, image_size: int) -> None:
        self._name, self._arguments, self._image_size = name, arguments, image_size

    def is_available(self, root: Path) -> bool:
        """Return whether torchvision finds the files of all parts and their checksums are right."""
        if not root.is_dir():  # some classes would make the folder
            return False
        try:
            for part in _PARTS:
                self._made(root, part)
        except DataError:
            return False
        return True

    def fetch(self, root: Path) -> None:
        """Download the files if they are not on disk."""
        if self.is_available(root):
            return
        try:
            if "download" not in self._parameters:
                raise DataError(f"torchvision has no download of {self._name}", self._name)  # noqa: TRY301 - one message
            download(self._name, root, [self._of(part) for part in _PARTS])
        except DataError as error:
            way = f"put torchvision's files of {self._name} into it, or set `data_root` to a folder that has them"
            raise DataError(f"{self._name} is not in {root}. {error}. Way out: {way}.", root) from error

    def open(self, root: Path, part: Part) -> PartSource:
        """Return one part, whose images are decoded when they are needed."""
        title = f"torchvision:{self._name} in {root}"
        if not root.is_dir():
            raise DataError(f"There is no folder {root}: set `data_root` to the one with {self._name}.", root)
        if self._arguments.parts is None:
            return one_set(TorchSource(title, self._made(root, part), self._image_size), part)
        train, test = (TorchSource(title, self._made(root, each), self._image_size) for each in _PARTS)
        return replace(two_sets(title, train, test, part), left_out=self._left_out() if part == "train" else ())

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        # Not at the top: the import takes a second in every trial process, and other data sets do not need it.
        from torchvision import datasets

        # A subclass such as SVHN's siblings may pass `download` on to its parent by **kwargs.
        kinds = getattr(datasets, self._name).__mro__
        return {name: each for kind in kinds for name, each in inspect.signature(kind.__init__).parameters.items()}

    def _of(self, part: Part) -> Mapping[str, Any]:
        return {} if self._arguments.parts is None else self._arguments.parts[part]

    def _made(self, root: Path, part: Part) -> Any:
        """Return torchvision's object. Raise DataError if files are missing or damaged, or a package is."""
        from torchvision import datasets

        offline = {"download": False} if "download" in self._parameters else {}
        try:
            return getattr(datasets, self._name)(str(root), **self._of(part), **offline)
        except ImportError as error:
            raise DataError(f"{self._name} needs a package: pip install {error.name} ({error}).", error.name) from error
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"{self._name} in {root} is missing, damaged or cannot be read ({reason}).", root
            ) from error

    def _left_out(self) -> list[str]:
        unread = self._arguments.unread
        rule = "validation images are taken from the training part"
        return [f"{self._name}: the split {name} is not read, because {rule}." for name in unread]
