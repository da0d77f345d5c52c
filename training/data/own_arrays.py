"""Images and labels in one file of arrays: `dataset: arrays` with `data_root: FILE.npz`."""

from collections.abc import Sequence
from pathlib import Path

from training.data.array_file import CLASS_NAMES, SUFFIX, ArrayFile
from training.data.data_set import DataSet
from training.data.image_source import DataError, InMemorySource, Part
from training.data.split import part_of_one_set
from training.registry import DATASETS

_ONE_SET = ("images", "labels")
_PARTS: dict[Part, tuple[str, str]] = {
    "train": ("train_images", "train_labels"),
    "test": ("test_images", "test_labels"),
}


@DATASETS.register("arrays")
class OwnArrays(DataSet):
    """The arrays train_images, train_labels, test_images and test_labels, or images and labels, which are split.

    The root is the file itself, or a folder with one file `.npz`.
    """

    def is_available(self, root: Path) -> bool:
        """Return whether there is a file."""
        return root.is_file() or (root.is_dir() and bool(_files(root)))

    def open(self, root: Path, part: Part) -> InMemorySource:
        """Read one part, and of the other what must fit it. Raise DataError if the file or an array is unfit."""
        file = ArrayFile.open(_file(root))
        if set(_ONE_SET) & set(file.names):
            return _from_one_set(file, part)
        labels = {each: file.labels(keys[1]) for each, keys in _PARTS.items()}
        shapes = {each: file.image_shape(keys[0]) for each, keys in _PARTS.items()}
        if shapes["test"] != shapes["train"]:
            fault = f"has test images {shapes['test']} (channels, height, width), but training images {shapes['train']}"
            raise file.unfit("test_images", f"{fault}: convert one part to the shape of the other")
        found = file.image_set(*_PARTS[part])
        names = _class_names(file, max(int(each.max()) for each in labels.values()) + 1)
        left_out = _left_out(file, (*_PARTS["train"], *_PARTS["test"])) if part == "train" else ()
        return InMemorySource(names, found.labels, found.images, left_out)


def _from_one_set(file: ArrayFile, part: Part) -> InMemorySource:
    if both := [key for keys in _PARTS.values() for key in keys if key in file.names]:
        rule = "either images and labels, which are split, or train_images, train_labels, test_images and test_labels"
        raise file.unfit(both[0], f"has {', '.join(_ONE_SET)} and {', '.join(both)}, but must have {rule}")
    found = file.image_set(*_ONE_SET)
    names = _class_names(file, int(found.labels.max()) + 1)
    chosen = found.subset(part_of_one_set(found.labels, names, part))
    return InMemorySource(names, chosen.labels, chosen.images, _left_out(file, _ONE_SET) if part == "train" else ())


def _class_names(file: ArrayFile, least: int) -> tuple[str, ...]:
    """Return the names of the classes, by default their numbers."""
    return file.class_names(least) or tuple(map(str, range(least)))


def _left_out(file: ArrayFile, read: Sequence[str]) -> list[str]:
    """Return a sentence about the arrays that are not read, or nothing if there are none."""
    others = [name for name in file.names if name not in (*read, CLASS_NAMES)]
    rule = "validation images are taken from the training images: add images there to use them"
    verb = "is" if len(others) == 1 else "are"
    return [f"{file.path}: {', '.join(others)} {verb} not read, because {rule}."] if others else []


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))


def _file(root: Path) -> Path:
    if not root.is_dir():
        return root
    found = _files(root)
    if len(found) != 1:
        some = f" ({', '.join(path.name for path in found[:10])})" if found else ""
        raise DataError(
            f"The folder {root} has {len(found)} files *{SUFFIX}{some}, but must have one: set data_root to the file.",
            root,
        )
    return found[0]
