"""The metrics of the project on labels and predictions that are given."""

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from training.config import ALWAYS_REPORTED, is_accuracy, unit_of, usual_direction
from training.metrics.accuracies import natural_accuracy, pgd_accuracy, robust_accuracy, worst_class_pgd_accuracy
from training.metrics.costs import gpu_memory, parameters, seconds
from training.registry import METRICS

CLASSES = st.integers(0, 2)
THREE = st.lists(st.tuples(CLASSES, CLASSES, CLASSES), min_size=1, max_size=20)


def columns(rows: list[tuple[int, int, int]]) -> list[Tensor]:
    """Return true, clean and attacked classes."""
    return [torch.tensor(column) for column in zip(*rows, strict=True)]


@given(THREE)
def test_accuracies_are_shares_of_the_images_that_are_right(rows: list[tuple[int, int, int]]) -> None:
    labels, clean, attacked = columns(rows)
    right = [[true == one, true == one == other] for true, one, other in rows]
    assert natural_accuracy(labels, clean) == sum(natural for natural, _ in right) / len(rows)
    assert pgd_accuracy(labels, clean, attacked) == sum(robust for _, robust in right) / len(rows)


@given(st.lists(st.tuples(CLASSES, CLASSES, CLASSES, CLASSES), min_size=1, max_size=20))
def test_a_robust_image_withstands_both_attacks(rows: list[tuple[int, int, int, int]]) -> None:
    labels, clean, attacked, on_margin = (torch.tensor(column) for column in zip(*rows, strict=True))
    share = sum(len({*row}) == 1 for row in rows) / len(rows)
    assert robust_accuracy(labels, clean, attacked, on_margin) == share
    assert share <= pgd_accuracy(labels, clean, attacked)


@given(THREE)
def test_the_worst_class_is_that_with_the_smallest_pgd_accuracy(rows: list[tuple[int, int, int]]) -> None:
    by_class = {true: [r[1:] == (true, true) for r in rows if r[0] == true] for true, *_ in rows}
    expected = min(sum(right) / len(right) for right in by_class.values())
    labels, clean, attacked = columns(rows)
    assert worst_class_pgd_accuracy(labels, clean, attacked) == expected
    assert worst_class_pgd_accuracy(labels, clean, attacked) <= pgd_accuracy(labels, clean, attacked)


def test_costs() -> None:
    assert parameters(nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))) == 3 * 5 + 5 + 2 * 5
    assert gpu_memory(torch.device("cpu")) == 0
    assert seconds(time.perf_counter() - 10) >= 10


@pytest.mark.parametrize(
    ("name", "unit", "direction"),
    [
        ("natural_accuracy", "%", "maximize"),
        ("robust_accuracy", "%", "maximize"),
        ("worst_class_pgd_accuracy", "%", "maximize"),
        ("seconds", "s", "minimize"),
        ("parameters", "", "minimize"),
        ("gpu_memory", "MiB", "minimize"),
        ("own_metric:zero_share", "%", "maximize"),
        ("own_metric:attack_seconds", "s", "maximize"),
        ("own_metric:entropy", "", "maximize"),
    ],
)
def test_units_and_directions(name: str, unit: str, direction: str) -> None:
    assert (unit_of(name), is_accuracy(name), usual_direction(name)) == (unit, unit == "%", direction)


def test_each_metric_of_the_project_is_registered_with_its_facts() -> None:
    names = {"natural_accuracy", "pgd_accuracy", "worst_class_pgd_accuracy", "seconds", "parameters", "gpu_memory"}
    assert names <= set(METRICS)
    assert set(ALWAYS_REPORTED) <= names
    assert all(METRICS.own(name) is not None for name in names)
    assert METRICS.own("own_metric:entropy") is None
