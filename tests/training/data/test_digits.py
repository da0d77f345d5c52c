import sys

import pytest
import torch
from raises_about import raises_about
from sklearn.datasets import load_digits

from training.data import DataError
from training.data.digits import open_digits


def test_parts_together_are_the_whole_set() -> None:
    train, test = open_digits("train"), open_digits("test")
    digits = load_digits()
    scaled = {
        (label, bytes(round(value * 255 / 16) for value in image.flatten()))
        for image, label in zip(digits.images, digits.target.tolist(), strict=True)
    }
    found = [
        (label, bytes(image.flatten().tolist()))
        for source in (train, test)
        for image, label in zip(source.pixels, source.labels.tolist(), strict=True)
    ]
    assert len(found) == 1797
    assert set(found) == scaled
    assert train.image_shape == (1, 8, 8)
    assert train.class_names == tuple("0123456789")


def test_test_part_is_a_stratified_fifth() -> None:
    train, test = open_digits("train"), open_digits("test")
    of_test, of_train = torch.bincount(test.labels), torch.bincount(train.labels)
    assert ((of_test - 0.2 * (of_test + of_train)).abs() <= 0.5).all()


def test_missing_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with raises_about(DataError, "scikit-learn") as caught:
        open_digits("train")
    assert "pip install scikit-learn" in str(caught.value)
