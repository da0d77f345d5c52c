import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from raises_about import raises_about
from stand_ins import random_states
from torch import Tensor

from training.data import DataError
from training.data.split import Split, stratified_split

fractions = st.floats(0.001, 0.999)
seeds = st.integers(0, 2**80)


@st.composite
def class_labels(draw: st.DrawFn) -> Tensor:
    """Labels of 1 to 6 classes of 2 to 40 images, in any order."""
    counts = draw(st.lists(st.integers(2, 40), min_size=1, max_size=6))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    random.Random(draw(seeds)).shuffle(labels)
    return torch.tensor(labels)


def _split(
    labels: Tensor, validation_fraction: float, train_fraction: float = 1.0, seed: int = 0, *, equal: bool = False
) -> Split:
    names = tuple(f"class {label}" for label in range(int(labels.max()) + 1))
    return stratified_split(
        labels,
        names,
        validation_fraction=validation_fraction,
        train_fraction=train_fraction,
        seed=seed,
        equal=equal,
    )


@given(class_labels(), fractions, seeds)
def test_parts_are_disjoint_and_cover_everything(labels: Tensor, fraction: float, seed: int) -> None:
    split = _split(labels, fraction, seed=seed)
    assert sorted(split.train.tolist() + split.validation.tolist()) == list(range(len(labels)))


@given(class_labels(), fractions, fractions, seeds)
def test_every_class_gets_its_share_within_one(
    labels: Tensor, validation_fraction: float, train_fraction: float, seed: int
) -> None:
    split = _split(labels, validation_fraction, train_fraction, seed)
    total, validation, train = (
        torch.bincount(part, minlength=6) for part in (labels, labels[split.validation], labels[split.train])
    )
    present = total > 0
    assert ((validation - validation_fraction * total).abs() <= 1).all()
    assert ((train - train_fraction * (total - validation)).abs() <= 1).all()
    assert (validation[present] >= 1).all()
    assert (train[present] >= 1).all()


@given(class_labels(), fractions, fractions, fractions, seeds)
def test_train_fraction_leaves_validation_alone_and_nests(
    labels: Tensor, validation_fraction: float, one: float, other: float, seed: int
) -> None:
    small, large = sorted((one, other))
    smaller = _split(labels, validation_fraction, small, seed)
    larger = _split(labels, validation_fraction, large, seed)
    assert torch.equal(smaller.validation, larger.validation)
    assert set(smaller.train.tolist()) <= set(larger.train.tolist())


@given(class_labels(), fractions, fractions, seeds)
def test_equal_parts_have_as_many_of_every_class_as_the_smallest_has(
    labels: Tensor, validation_fraction: float, train_fraction: float, seed: int
) -> None:
    usual = _split(labels, validation_fraction, train_fraction, seed)
    equal = _split(labels, validation_fraction, train_fraction, seed, equal=True)
    counts = torch.bincount(labels[usual.train])
    assert torch.bincount(labels[equal.train]).tolist() == [int(counts.min())] * len(counts)
    assert set(equal.train.tolist()) <= set(usual.train.tolist())
    assert torch.equal(equal.validation, usual.validation)


@given(class_labels(), fractions, fractions, seeds)
def test_the_seed_alone_decides(labels: Tensor, validation: float, train: float, seed: int) -> None:
    torch.manual_seed(1)
    before = random_states()
    one = _split(labels, validation, train, seed)
    assert random_states() == before
    torch.manual_seed(2)
    other = _split(labels, validation, train, seed)
    assert torch.equal(one.train, other.train)
    assert torch.equal(one.validation, other.validation)


def test_another_seed_gives_another_split() -> None:
    labels = torch.arange(1000) % 10
    splits = [_split(labels, 0.1, seed=seed) for seed in range(20)]
    assert len({tuple(split.validation.tolist()) for split in splits}) == 20


def test_the_first_validation_images_are_a_fair_sample() -> None:
    labels = torch.arange(10_000) // 1000
    first = torch.stack([labels[_split(labels, 0.1, seed=seed).validation[:100]] for seed in range(20)])
    counts = torch.bincount(first.flatten(), minlength=10)
    # 2,000 draws of 10 classes: 200 each, standard deviation below 13.5.
    assert ((counts - 200).abs() < 5 * 13.5).all()


def test_train_indices_ascend() -> None:
    train = _split(torch.arange(200) % 7, 0.3, 0.5).train
    assert torch.equal(train, train.sort().values)


def test_two_images_of_a_class_are_split_in_one_and_one() -> None:
    split = _split(torch.tensor([0, 0]), 0.999)
    assert len(split.train) == len(split.validation) == 1


@pytest.mark.parametrize("labels", [[0, 0, 1], [0, 0, 2, 2]])
def test_too_small_a_class_is_named(labels: list[int]) -> None:
    with raises_about(DataError, "class 1"):
        _split(torch.tensor(labels), 0.1)
