"""Choosing a trial: the knee of a front, and minimums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.front.select import knee, meets


def test_the_knee_is_where_the_front_bends_most() -> None:
    accuracies = np.array([[0.90, 0.10], [0.89, 0.38], [0.85, 0.40], [0.60, 0.42]])
    assert knee(-accuracies) == 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(-5, 5), st.integers(-5, 5))
def test_the_knee_is_the_row_farthest_from_the_line_through_the_extremes(
    steps: list[int], power_first: int, power_second: int
) -> None:
    """On a convex front whose steps grow, in any units: the distance is that of a point from a line."""
    firsts = np.concatenate([[0.0], np.cumsum(sorted(steps))])
    seconds = np.concatenate([np.cumsum(sorted(steps))[::-1], [0.0]])[: len(firsts)]
    front = np.stack([firsts, seconds], axis=1)
    unit = front / np.maximum(front.max(axis=0), 1)
    below_line = (1 - unit.sum(axis=1)) / np.sqrt(2)
    chosen = knee(front * np.exp2([power_first, power_second]))
    assert below_line[chosen] == pytest.approx(below_line.max())


def test_a_constant_objective_has_no_say() -> None:
    assert knee(np.array([[3.0, 1.0, 5.0], [2.0, 2.5, 5.0], [1.0, 3.0, 5.0]])) == 0
    assert knee(np.array([[3.0, 1.0, 5.0], [2.0, 1.5, 5.0], [1.0, 3.0, 5.0]])) == 1


def test_three_objectives_take_the_smallest_scaled_sum() -> None:
    assert knee(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.4, 0.5, 0.6]])) == 3


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_give_the_first(rows: int) -> None:
    assert knee(np.array([[1.0, 2.0], [2.0, 1.0]])[:rows]) == 0


def test_an_empty_front_has_no_knee() -> None:
    with pytest.raises(ValueError, match="no trial has completed"):
        knee(np.empty((0, 2)))


def test_minimums_are_inclusive_and_all_must_hold() -> None:
    metrics = {"natural_accuracy": 0.8, "pgd_accuracy": 0.5}
    assert meets(metrics, {})
    assert meets(metrics, {"natural_accuracy": 0.8, "pgd_accuracy": 0.4})
    assert not meets(metrics, {"natural_accuracy": 0.8, "pgd_accuracy": 0.51})
    assert not meets({"natural_accuracy": float("nan")}, {"natural_accuracy": 0.0})


def test_a_minimum_for_an_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'pgd'.*natural_accuracy, pgd_accuracy"):
        meets({"pgd_accuracy": 0.5, "natural_accuracy": 0.8}, {"pgd": 0.1})
