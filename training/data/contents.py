"""What one part of a data set contains: how many images of each class, and which files are not read."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.data.image_source import ImageSource, Part

_MOST_NAMED_CLASSES = 20


@dataclass(frozen=True)
class PartContents:
    """The images of one part by class, and a sentence for each kind of entry that lies near them and is not read."""

    part: Part
    images_by_class: dict[str, int]
    left_out: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """Return a line with the number of images of each class, then what is left out."""
        total = sum(self.images_by_class.values())
        return [f"{self.part}: {total:,} images, {_by_class(self.images_by_class)}", *self.left_out]


def contents_of(source: ImageSource, part: Part) -> PartContents:
    """Count the images of a source, which are not decoded for it."""
    counts = source.labels.bincount(minlength=len(source.class_names)).tolist()
    return PartContents(part, dict(zip(source.class_names, counts, strict=True)), tuple(source.left_out))


def lines_of(parts: Sequence[PartContents]) -> list[str]:
    """Return the lines of all parts."""
    return [line for part in parts for line in part.lines]


def _by_class(images: dict[str, int]) -> str:
    least, most = min(images.values()), max(images.values())
    if least == most:
        return f"{len(images)} classes of {most:,}"
    if len(images) <= _MOST_NAMED_CLASSES:
        return ", ".join(f"{name}: {count:,}" for name, count in images.items())
    return f"{len(images)} classes of {least:,} to {most:,}"
