"""Choosing a trial: the knee of a front."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.select import knee


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
    if chosen is None:
        assert len(front) < 3 or below_line.max() == pytest.approx(0, abs=1e-8)
    else:
        assert below_line[chosen] == pytest.approx(below_line.max())
        assert 0 < chosen < len(front) - 1


@pytest.mark.parametrize(
    "accuracies",
    [
        [[0.90, 0.30], [0.85, 0.35], [0.70, 0.50]],
        [[k / 8, 1 - k / 8] for k in range(8)],
        [[0.9, 0.1], [0.6, 0.2], [0.5, 0.5]],
    ],
)
def test_a_front_that_is_straight_or_bends_away_has_no_knee(accuracies: list[list[float]]) -> None:
    assert knee(-np.array(accuracies)) is None


def test_a_constant_objective_has_no_say() -> None:
    assert knee(np.array([[3.0, 1.0, 5.0], [2.0, 2.5, 5.0], [1.0, 3.0, 5.0]])) is None
    assert knee(np.array([[3.0, 1.0, 5.0], [2.0, 1.5, 5.0], [1.0, 3.0, 5.0]])) == 1


def test_three_objectives_take_the_smallest_scaled_sum() -> None:
    assert knee(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.4, 0.5, 0.6]])) == 3


@pytest.mark.parametrize("objectives", [3, 4])
@given(data=st.data())
def test_the_knee_is_farthest_below_the_plane_through_the_unit_points(objectives: int, data: st.DataObject) -> None:
    """By brute force: the plane's normal is solved for, and each row's distance to it is measured."""
    row = st.lists(st.integers(0, 9), min_size=objectives, max_size=objectives)
    rows = np.array(data.draw(st.lists(row, min_size=3, max_size=12)), dtype=float)
    front = rows[is_non_dominated(rows)]
    chosen = knee(front * np.exp2(np.arange(objectives)))
    if chosen is None:
        assert len(np.unique(front, axis=0)) < 3 or np.count_nonzero(np.ptp(front, axis=0)) == 2
        return
    normal = np.linalg.solve(np.eye(objectives), np.ones(objectives))
    distances = []
    for losses in front:
        scaled = [
            (loss - column.min()) / np.ptp(column) if np.ptp(column) else 0.0
            for loss, column in zip(losses, front.T, strict=True)
        ]
        distances.append((1 - normal @ scaled) / np.linalg.norm(normal))
    assert distances[chosen] == pytest.approx(max(distances))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_have_no_knee(rows: int) -> None:
    assert knee(np.array([[1.0, 2.0], [2.0, 1.0]])[:rows]) is None
