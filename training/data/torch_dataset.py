"""Data sets of PyTorch as sources: items are pairs (image, label), with images of Pillow or tensors.

Labels come from the attribute that has them, if there is one, so that counting does not decode images. Each label is
compared with that of its item when the image is read. A data set is read once: random changes of images, which would be
frozen, are refused, because they belong to the key `augmentation`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.data.image_size import as_square
from training.data.image_source import DataError

_TRIED_TWICE = 4
# Where data sets of torchvision and of users keep the labels of all items, and the pairs (path, label).
_LABELS = ("targets", "labels", "_labels", "y")
_PAIRS = ("samples", "_samples", "imgs")
_GREY_MODES = ("1", "L", "LA")
_COLOUR_MODES = ("P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")


class TorchSource:
    """The items of one data set. Each is read at most once and then kept, as uint8 or float32 in [0, 1].

    `name` is what an error calls the data set. With `image_size` an image of Pillow is cropped in the middle to a
    square and resized to that side. Raise DataError if it has no items, or the first ones are unfit.
    """

    left_out: Sequence[str] = ()

    def __init__(self, name: str, dataset: Any, image_size: int | None = None) -> None:
        self._name, self._dataset, self._image_size = name, dataset, image_size or 0
        self.way_to_one_size = "resize them in the data set" if image_size is None else "set image_size"
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            rule = (
                "must be a torch.utils.data.Dataset with __len__ and __getitem__, or a training.data.data_set.DataSet"
            )
            raise DataError(f"{name} is {type(dataset).__name__}, but {rule}.", name)
        if not len(dataset):
            raise self._unfit(0, "it is empty")
        first = self._item(0)[0]
        self.image_shape: tuple[int, int, int] = tuple(first.shape)  # type: ignore[assignment]
        self._pixels = torch.empty((len(dataset), *first.shape), dtype=first.dtype)
        self._is_read = torch.zeros(len(dataset), dtype=torch.bool)
        for index in range(min(_TRIED_TWICE, len(dataset))):
            self._require_same_twice(index)
        self._labels: Tensor | None = None
        listed = _listed_labels(dataset)
        self.labels = self._read_all() if listed is None else listed
        if (self.labels < 0).any():
            raise self._unfit(int(self.labels.argmin()), f"the label is {int(self.labels.min())}, but must be >= 0")
        self._labels = self.labels
        self.class_names = self._names()

    def images(self, indices: Tensor) -> Tensor:
        """Copy the images at `indices` (m,) int64: (m, channels, height, width)."""
        for index in indices[~self._is_read[indices]].tolist():
            self._read(index)
        return self._pixels[indices]

    def _read_all(self) -> Tensor:
        return torch.tensor([self._read(index) for index in range(len(self._dataset))])

    def _read(self, index: int) -> int:
        """Keep one image and return its label."""
        image, label = self._item(index)
        if self._labels is not None and label != self._labels[index]:
            fault = f"the label is {label}, but the data set's list of labels has {int(self._labels[index])}"
            raise self._unfit(index, f"{fault}: make them the same")
        if (tuple(image.shape), image.dtype) != (self.image_shape, self._pixels.dtype):
            fault = f"the image is {_kind(image)}, but the first one is {_kind(self._pixels[0])}"
            raise self._unfit(index, f"{fault}, and all must be alike: {self.way_to_one_size}, or convert them")
        self._pixels[index] = image
        self._is_read[index] = True
        return label

    def _item(self, index: int) -> tuple[Tensor, int]:
        try:
            item = self._dataset[index]
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise self._unfit(index, f"it cannot be read ({reason})") from error
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise self._unfit(index, f"it is {type(item).__name__}, but must be a pair (image, label)")
        image, label = item
        return self._image(index, image), self._label(index, label)

    def _label(self, index: int, label: Any) -> int:
        if isinstance(label, Tensor | np.ndarray | np.generic) and np.ndim(label) == 0:
            label = label.item()
        if isinstance(label, bool) or not isinstance(label, int):
            raise self._unfit(index, f"the label is {label!r:.60}, but must be an integer")
        return label

    def _image(self, index: int, image: Any) -> Tensor:
        if isinstance(image, Image.Image):
            return self._from_pillow(index, image)
        rule = "must be an image of Pillow, or a tensor (channels, height, width) of uint8 or of real numbers in [0, 1]"
        if not isinstance(image, Tensor) or image.ndim != 3:
            found = f"{type(image).__name__} {tuple(getattr(image, 'shape', ()))}"
            raise self._unfit(index, f"the image is {found}, but {rule}")
        if image.dtype == torch.uint8:
            return image
        if not image.is_floating_point():
            raise self._unfit(index, f"the image is {_kind(image)}, but {rule}")
        if not (image.min() >= 0 and image.max() <= 1):  # also if one is not a number
            found = f"has values from {float(image.min()):g} to {float(image.max()):g}"
            way = "leave a normalisation out, since epsilon counts in these units"
            raise self._unfit(index, f"the image {found}, but real numbers must be in [0, 1]: {way}")
        return image.to(torch.float32)

    def _from_pillow(self, index: int, image: Image.Image) -> Tensor:
        if image.mode not in _GREY_MODES + _COLOUR_MODES:
            raise self._unfit(index, f"the image has Pillow's mode {image.mode!r}, but must have 8 bits per value")
        if image.has_transparency_data and np.array(image.convert("RGBA"))[..., 3].min() < 255:
            raise self._unfit(index, "the image is partly transparent: give it a background")
        shape = getattr(self, "image_shape", None)
        is_grey = image.mode in _GREY_MODES and (shape is None or shape[0] == 1)
        converted = image.convert("L" if is_grey else "RGB")
        if self._image_size:
            converted = as_square(converted, self._image_size)
        pixels = np.array(converted)
        return torch.from_numpy(pixels[None] if is_grey else pixels.transpose(2, 0, 1).copy())

    def _require_same_twice(self, index: int) -> None:
        first, second = self._item(index)[0], self._item(index)[0]
        if first.shape != second.shape or not torch.equal(first, second):
            way = "leave random changes out, and name them with the key `augmentation`"
            raise self._unfit(index, f"it is another image when it is read again: {way}")

    def _names(self) -> tuple[str, ...]:
        """Return the names in `classes`, or the numbers of the classes if the data set has no such attribute."""
        count = int(self.labels.max()) + 1
        names = getattr(self._dataset, "classes", None)
        if names is None:
            return tuple(map(str, range(count)))
        texts = tuple(name if isinstance(name, str) else ", ".join(map(str, name)) for name in names)
        if len(texts) < count or len(set(texts)) < len(texts):
            fault = f"has {len(set(texts))} different names in `classes`, but labels up to {count - 1}"
            raise DataError(f"{self._name} {fault}: name each class once, in the order of the labels.", self._name)
        return texts

    def _unfit(self, index: int, fault: str) -> DataError:
        return DataError(f"{self._name}, item {index}: {fault}.", (self._name, index))


def _listed_labels(dataset: Any) -> Tensor | None:
    """Return the labels of all items, (n,) int64, if the data set has a list of them."""
    for name in (*_LABELS, *_PAIRS):
        found = getattr(dataset, name, None)
        if not isinstance(found, Sequence | Tensor | np.ndarray) or len(found) != len(dataset):
            continue
        values = [pair[1] for pair in found] if name in _PAIRS else found
        try:
            labels = torch.as_tensor(np.asarray(values))
        except (TypeError, ValueError):
            continue
        if labels.ndim == 1 and not labels.is_floating_point() and labels.dtype != torch.bool:
            return labels.to(torch.int64)
    return None


def _kind(image: Tensor) -> str:
    return f"{str(image.dtype).removeprefix('torch.')} {tuple(image.shape)} (channels, height, width)"
