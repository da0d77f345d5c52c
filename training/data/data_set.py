"""The interface of data sets, and what those of torchvision have in common."""

from abc import ABC, abstractmethod
from itertools import islice
from pathlib import Path

from training.data.download import download
from training.data.image_folder import open_folder
from training.data.image_source import DataError, ImageSource, Part

# So many files of a folder say of which kind its images are.
_ENDINGS_TRIED = 100


class DataSet(ABC):
    """What `dataset` names in a configuration. `root` is the absolute path of its `data_root`.

    `is_downloaded` says that `fetch` downloads what is not on disk.
    """

    is_downloaded = False

    def is_available(self, root: Path) -> bool:  # noqa: ARG002 - some need no files
        """Return whether the data are on disk, without reading images."""
        return True

    def fetch(self, root: Path) -> None:  # noqa: B027 - most cannot be downloaded
        """Download the data if they are not on disk. Raise DataError if that fails, and leave the disk unchanged."""

    def copy_in(self, root: Path) -> str:  # noqa: ARG002 - most are known by no other name
        """Return in which form a published data set is copied here; an empty text if these are its own images."""
        return ""

    @abstractmethod
    def open(self, root: Path, part: Part) -> ImageSource:
        """Return a part of the data, whose images need not be decoded yet. Raise DataError if it is unusable."""


class StandardDataSet(DataSet):
    """A data set of known classes and shape: in the files of torchvision, or as a folder of images (see `open_folder`).

    `name` is the name of torchvision's class, which downloads it.
    """

    is_downloaded = True
    name: str
    num_classes: int
    image_shape: tuple[int, int, int]

    @abstractmethod
    def folder(self, root: Path) -> Path:
        """Return the folder of torchvision's files in the data root."""

    @abstractmethod
    def is_complete(self, root: Path) -> bool:
        """Return whether all files of torchvision exist; `read` checks their content."""

    @abstractmethod
    def read(self, root: Path, part: Part) -> ImageSource:
        """Read one part of torchvision's files. Raise DataError if a file is missing or damaged."""

    @abstractmethod
    def is_published(self, root: Path) -> bool:
        """Return whether the test images in torchvision's files, which are complete, are the published ones."""

    def copy_in(self, root: Path) -> str:
        """Return `JPEG copy`, `copy` for other files of single images, or `other images` in torchvision's files.

        It is empty for the published images. Those of a folder may have been changed, and have another order.
        """
        if self.is_complete(root):
            return "" if self.is_published(root) else "other images"
        endings = {path.suffix.lower() for path in islice((root / "test").glob("*/*"), _ENDINGS_TRIED)}
        return "JPEG copy" if endings & {".jpg", ".jpeg"} else "copy"

    def is_available(self, root: Path) -> bool:
        """Return whether torchvision's files or a folder of images are on disk."""
        return self.is_complete(root) or (root / "train").is_dir()

    def fetch(self, root: Path) -> None:
        """Download torchvision's files if neither they nor a folder of images are on disk."""
        if self.is_available(root):
            return
        try:
            download(self.name, root)
        except DataError as error:
            raise DataError(f"{self._absence(root)} {error}. {self._ways_out(root)}", root) from error

    def open(self, root: Path, part: Part) -> ImageSource:
        """Return a part of torchvision's files, or of the folder of images if they are not complete."""
        if not self.is_available(root):
            raise DataError(f"{self._absence(root)} {self._ways_out(root)}", root)
        source = self.read(root, part) if self.is_complete(root) else open_folder(root, part)
        if (len(source.class_names), source.image_shape) != (self.num_classes, self.image_shape):
            raise DataError(
                f"The {part} part in {root} has {len(source.class_names)} classes of images {source.image_shape} "
                f"(channels, height, width), but {self.name} has {self.num_classes} classes of images "
                f"{self.image_shape}. Set `data_root` to another folder, or `dataset` to 'folder'.",
                ("data_root", "dataset"),
            )
        return source

    def _absence(self, root: Path) -> str:
        return (
            f"{self.name} is not on disk: torchvision's files are not complete in {self.folder(root)}, "
            f"and there is no folder of images {root / 'train'}."
        )

    def _ways_out(self, root: Path) -> str:
        return (
            f"Ways out: put torchvision's files into {self.folder(root)}; put images into "
            f"{root}/train/CLASS/*.png and {root}/test/CLASS/*.png (or .jpg); set `data_root` to a folder that "
            "has one of the two; or run it on a machine whose network allows the download."
        )
