"""Data sets of PyTorch as sources, whatever form their items have."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from raises_about import raises_about
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from training.data import DataError
from training.data.torch_dataset import TorchSource

PIXELS = torch.randint(0, 256, (6, 3, 8, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = [0, 2, 1, 0, 2, 1]


class Items(Dataset[Any]):
    """A data set of given items, which counts how often each is read."""

    def __init__(self, items: list[Any], **attributes: Any) -> None:
        self.items, self.reads = items, [0] * len(items)
        vars(self).update(attributes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        self.reads[index] += 1
        item = self.items[index]
        return item() if callable(item) else item


def pillow(index: int) -> Image.Image:
    return Image.fromarray(PIXELS[index].permute(1, 2, 0).numpy())


def items(form: str) -> list[Any]:
    images: dict[str, Any] = {
        "pillow": [pillow(index) for index in range(6)],
        "bytes": list(PIXELS),
        "numbers": list(PIXELS.double() / 255),
    }
    return list(zip(images[form], LABELS, strict=True))


@pytest.mark.parametrize("form", ["pillow", "bytes", "numbers"])
def test_every_form_gives_the_same_images(form: str) -> None:
    source = TorchSource("mine", Items(items(form)))
    assert (source.image_shape, source.labels.tolist(), source.class_names) == ((3, 8, 10), LABELS, ("0", "1", "2"))
    indices = torch.tensor([4, 1, 1])
    expected = PIXELS[indices] if form != "numbers" else (PIXELS[indices].double() / 255).float()
    assert torch.equal(source.images(indices), expected)


def test_tensor_datasets_and_labels_of_numpy() -> None:
    assert TorchSource("mine", TensorDataset(PIXELS, torch.tensor(LABELS))).labels.tolist() == LABELS
    arrays = Items([(PIXELS[0], np.int32(1)), (PIXELS[1], np.array(0)), (PIXELS[2], torch.tensor(2))])
    assert TorchSource("mine", arrays).labels.tolist() == [1, 0, 2]


def test_listed_labels_are_counted_without_reading_images() -> None:
    data = Items(items("pillow"), targets=LABELS, classes=["ant", "bee", "cat"])
    source = TorchSource("mine", data)
    assert source.class_names == ("ant", "bee", "cat")
    assert data.reads[5] == 0
    source.images(torch.tensor([5]))
    source.images(torch.tensor([5]))
    assert data.reads[5] == 1
    pairs = Items(items("pillow"), samples=[("path", label) for label in LABELS])
    assert TorchSource("mine", pairs).labels.tolist() == LABELS


def test_grey_images_in_a_coloured_set_become_coloured() -> None:
    grey = Image.fromarray(PIXELS[1, 0].numpy())
    source = TorchSource("mine", Items([(pillow(0), 0), (grey, 1)]))
    assert torch.equal(source.images(torch.tensor([1]))[0], PIXELS[1, :1].expand(3, -1, -1))
    assert TorchSource("mine", Items([(grey, 0), (grey, 1)])).image_shape == (1, 8, 10)


def test_a_size_makes_squares_of_images_of_different_sizes() -> None:
    wide = Image.new("RGB", (40, 20), (255, 0, 0))
    wide.paste((0, 255, 0), (10, 0, 30, 20))
    source = TorchSource("mine", Items([(wide, 0), (pillow(0), 1)]), image_size=5)
    assert source.image_shape == (3, 5, 5)
    green = torch.tensor([0, 255, 0], dtype=torch.uint8)[:, None, None].expand(3, 5, 3)
    found = source.images(torch.tensor([0]))[0]
    assert torch.equal(found[:, :, 1:4], green), "the middle of the wide image; its edges are mixed"
    source = TorchSource("mine", Items([(pillow(0), 0)]), image_size=8)
    assert torch.equal(source.images(torch.tensor([0]))[0], PIXELS[0, :, :, 1:9])


def randomly(scale: list[float]) -> Any:
    def item() -> tuple[Tensor, int]:
        scale[0] /= 2
        return torch.full((1, 4, 4), scale[0]), 0

    return item


@pytest.mark.parametrize(
    ("data", "index"),
    [
        (Items([]), 0),
        (Items([PIXELS[0]]), 0),
        (Items([(PIXELS[0], 1, 2)]), 0),
        (Items([(PIXELS[0], "ant")]), 0),
        (Items([(PIXELS[0], True)]), 0),
        (Items([(PIXELS[0], 1.0)]), 0),
        (Items([(PIXELS[0], -1)]), 0),
        (Items([(PIXELS[0].numpy(), 1)]), 0),
        (Items([(PIXELS[0, 0], 1)]), 0),
        (Items([(PIXELS[0].int(), 1)]), 0),
        (Items([(PIXELS[0].float(), 1)]), 0),
        (Items([(PIXELS[0] / 255 - 0.5, 1)]), 0),
        (Items([(torch.full((1, 4, 4), torch.nan), 1)]), 0),
        (Items([(Image.new("I;16", (4, 4)), 1)]), 0),
        (Items([(Image.new("RGBA", (4, 4), (1, 2, 3, 4)), 1)]), 0),
        (Items([(PIXELS[0], 0), (PIXELS[1, :, :4], 1)]), 1),
        (Items([(PIXELS[0], 0), (PIXELS[1] / 255, 1)]), 1),
        (Items([randomly([1.0])]), 0),
        (Items([(PIXELS[0], 0), lambda: 1 / 0]), 1),
    ],
)
def test_unfit_items_are_named(data: Items, index: int) -> None:
    with raises_about(DataError, ("mine", index)):
        TorchSource("mine", data)


def test_a_list_of_labels_must_be_that_of_the_items() -> None:
    source = TorchSource("mine", Items(items("bytes"), targets=LABELS[::-1]))
    with raises_about(DataError, ("mine", 0)):
        source.images(torch.arange(6))


@pytest.mark.parametrize("classes", [["ant"], ["ant", "bee", "ant"]])
def test_names_must_be_as_many_as_the_classes(classes: list[str]) -> None:
    with raises_about(DataError, "mine"):
        TorchSource("mine", Items(items("bytes"), targets=LABELS, classes=classes))


def test_what_is_no_data_set_is_refused() -> None:
    with raises_about(DataError, "mine"):
        TorchSource("mine", 7)
