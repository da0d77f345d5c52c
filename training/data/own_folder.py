"""A folder of images of any classes and any shape."""

from pathlib import Path

from training.config.fields import whole
from training.data.data_set import DataSet
from training.data.image_folder import FolderSource, open_folder
from training.data.image_source import Part
from training.registry import DATASETS


@DATASETS.register("folder", image_size=whole(0, 0))
class OwnFolder(DataSet):
    """The images ROOT/train/CLASS/* and ROOT/test/CLASS/*, as they are, or as squares of `image_size` pixels a side."""

    def __init__(self, image_size: int) -> None:
        self._image_size = image_size

    def is_available(self, root: Path) -> bool:
        """Return whether there is a training part."""
        return (root / "train").is_dir()

    def open(self, root: Path, part: Part) -> FolderSource:
        """List the images of one part (see `open_folder`)."""
        return open_folder(root, part, self._image_size)
