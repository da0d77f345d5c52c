"""What lies in and beside the folders of an image data set and is not read: a sentence for each kind."""

from collections.abc import Iterable, Sequence
from pathlib import Path

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

_FOLDER = "/"
_MOST_NAMED = 10


def is_visible(path: Path) -> bool:
    """Return whether the name of a file or folder does not begin with a dot."""
    return not path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Return whether an entry of a class folder is read as an image, by its name."""
    return path.suffix.lower() in SUFFIXES and is_visible(path)


def beside_parts(root: Path) -> list[str]:
    """Return a sentence about the folders beside `train` and `test`, or nothing if there are none."""
    others = (path for path in root.iterdir() if path.name not in ("train", "test"))
    found = sorted(path for path in others if is_visible(path) and path.is_dir())
    what = _counted(found, "folder", f" beside train and test ({_names(found)})")
    rule = "validation images are taken from train: add images there to use them"
    return [f"{root}: {what} not read, because {rule}."] if found else []


def beside_classes(part: Path) -> list[str]:
    """Return a sentence about the images of a part that lie in no class folder, or nothing if there are none."""
    found = sorted(path for path in part.iterdir() if is_image(path) and path.is_file())
    what = _counted(found, "image", f" ({_names(found)})")
    rule = "images must lie in class folders, as in CLASS/NAME.png: move or remove what is beside them"
    return [f"{part}: {what} not read, because {rule}."] if found else []


def beside_images(part: Path, class_folders: Iterable[Path]) -> list[str]:
    """Return a sentence for each kind of entry in the class folders of a part that is not read as an image."""
    kinds: dict[str, list[Path]] = {}
    for path in (path for folder in class_folders for path in folder.iterdir()):
        if is_visible(path) and not is_image(path):
            kinds.setdefault(_FOLDER if path.is_dir() else path.suffix.lower(), []).append(path)
    return [_sentence(part, kind, found) for kind, found in sorted(kinds.items())]


def _sentence(part: Path, kind: str, found: Sequence[Path]) -> str:
    folders = {path.parent for path in found}
    where = str(found[0].parent) if len(folders) == 1 else f"{part}, {len(folders):,} classes"
    if kind == _FOLDER:
        rule = "images must lie in the class folder itself: move them there"
        return f"{where}: {_counted(found, 'sub-folder')} not read, because {rule}."
    what = _counted(found, "file", f" ending in {kind}" if kind else " without a suffix")
    rule = f"names of images must end in {', '.join(SUFFIXES)}: rename or convert what is an image"
    return f"{where}: {what} not read, because {rule}."


def _counted(found: Sequence[Path], noun: str, rest: str = "") -> str:
    """Return the number of entries with the verb: '1 file is' or '2 files are'."""
    return f"1 {noun}{rest} is" if len(found) == 1 else f"{len(found):,} {noun}s{rest} are"


def _names(found: Sequence[Path]) -> str:
    more = ", …" if len(found) > _MOST_NAMED else ""
    return ", ".join(path.name for path in found[:_MOST_NAMED]) + more
