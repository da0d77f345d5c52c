"""Data sets of a user's file that are those of PyTorch: one, a pair, or a class with the parameter `train`."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from raises_about import raises_about
from torch.utils.data import TensorDataset

from training.config import parse_trial
from training.data import DataError, ensure_available, is_available, load_test_set, load_trial_data
from training.data.digits import Digits


def made(count: int, classes: int = 3, side: int = 4) -> TensorDataset:
    labels = torch.arange(count) % classes
    return TensorDataset((labels[:, None, None, None] * 50).to(torch.uint8).expand(-1, 1, side, side), labels)


class Signs(TensorDataset):
    classes = ("ant", "bee", "cat")

    def __init__(self, root: str, train: bool = True) -> None:
        self.root = root
        super().__init__(*made(30 if train else 9).tensors)


def fails() -> Any:
    raise FileNotFoundError("no such file")


def unequal() -> Any:
    return made(30), made(9, side=5)


def renamed() -> Any:
    train, test = Signs(""), Signs("", train=False)
    test.classes = ("ant", "cat", "bee")
    return train, test


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ModuleType("called_data")
    vars(found).update(
        one=lambda: made(30),
        pair=lambda: (made(30), made(9, classes=2)),
        own=Digits,
        seven=lambda: 7,
        **{each.__name__: each for each in (Signs, fails, unequal, renamed)},
    )
    monkeypatch.setitem(sys.modules, "called_data", found)


@pytest.mark.parametrize(
    ("name", "names", "counts"),
    [
        ("one", ("0", "1", "2"), (24, 6)),
        ("pair", ("0", "1", "2"), (30, 9)),
        ("Signs", ("ant", "bee", "cat"), (30, 9)),
        ("own", tuple("0123456789"), (1438, 359)),
    ],
)
def test_each_form_has_two_parts(tmp_path: Path, name: str, names: tuple[str, ...], counts: tuple[int, int]) -> None:
    config = parse_trial({"dataset": f"called_data:{name}", "data_root": str(tmp_path)})
    assert is_available(config)
    train, test = ensure_available(config)
    assert (sum(train.images_by_class.values()), sum(test.images_by_class.values())) == counts
    data = load_trial_data(config)
    assert (data.class_names, len(data.train) + len(data.validation)) == (names, counts[0])
    assert len(load_test_set(config)) == counts[1]


@pytest.mark.parametrize("name", ["fails", "unequal", "renamed", "seven"])
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    config = parse_trial({"dataset": f"called_data:{name}", "data_root": str(tmp_path)})
    with raises_about(DataError, f"called_data:{name}"):
        ensure_available(config)
