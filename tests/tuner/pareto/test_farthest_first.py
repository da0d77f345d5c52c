"""The rules of spread against brute force, Optuna's crowding distance and moocore's hypervolume."""

from collections.abc import Sequence

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance
from optuna.trial import create_trial

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.farthest_first import (
    ORDERS,
    crowding_distance,
    crowding_order,
    farthest_first_order,
    hypervolume_order,
)
from tuner.pareto.objectives import FloatArray


def front_of(rows: Sequence[Sequence[float]]) -> FloatArray:
    """Give the distinct non-dominated rows in lexicographic order."""
    points = np.unique(np.array(rows, dtype=np.float64), axis=0)
    return points[is_non_dominated(points)]


def fronts(objectives: int) -> st.SearchStrategy[FloatArray]:
    """Draw fronts of points on a grid in [0, 1], whose sums and products are exact in binary."""
    row = st.lists(st.integers(0, 16).map(lambda k: k / 16), min_size=objectives, max_size=objectives)
    return st.lists(row, min_size=1, max_size=10).map(front_of)


ANY_FRONT = st.integers(1, 4).flatmap(fronts)


@pytest.mark.parametrize("name", ORDERS)
@given(points=ANY_FRONT)
def test_every_rule_orders_all_points(name: str, points: FloatArray) -> None:
    assert sorted(ORDERS[name](points).tolist()) == list(range(len(points)))


def test_farthest_first_takes_both_ends_and_then_the_widest_gap() -> None:
    points = np.array([[0.0], [0.1], [0.4], [0.9], [1.0]])
    assert farthest_first_order(points).tolist() == [0, 4, 2, 1, 3]


@given(st.integers(2, 4).flatmap(fronts))
def test_crowding_distances_are_optunas(points: FloatArray) -> None:
    """Optuna divides by the range of the front, which here is scaled to be 1."""
    spans = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(spans > 0, spans, 1.0)
    trials = [create_trial(values=row.tolist()) for row in scaled]
    for number, trial in enumerate(trials):
        trial.number = number
    known = _calc_crowding_distance(list(trials))
    # Optuna gives one of two equal values at an end the infinite distance; so it is compared without ties.
    if all(len(np.unique(column)) == len(column) for column in scaled.T):
        assert crowding_distance(scaled) == pytest.approx([known[number] for number in range(len(trials))])


def test_crowding_order_takes_the_ends_and_then_the_loneliest() -> None:
    points = np.array([[0.0, 1.0], [0.1, 0.9], [0.5, 0.5], [0.7, 0.4], [1.0, 0.0]])
    assert crowding_distance(points).tolist() == pytest.approx([np.inf, 1.0, 1.1, 1.0, np.inf])
    assert crowding_order(points).tolist() == [0, 4, 2, 1, 3]


@given(ANY_FRONT)
def test_the_hypervolume_rule_adds_the_most_at_each_step(points: FloatArray) -> None:
    """Each step against moocore's hypervolume of every possible next point."""

    def volume(chosen: Sequence[int]) -> float:
        return float(moocore.hypervolume(points[list(chosen)], ref=[1.125] * points.shape[1]))

    order = hypervolume_order(points).tolist()
    for place, chosen in enumerate(order):
        before, rest = order[:place], order[place:]
        best = max(volume([*before, other]) for other in rest)
        assert volume([*before, chosen]) == pytest.approx(best, abs=1e-9)


def test_points_that_add_the_same_come_in_their_own_order() -> None:
    for points in (np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(3)[::-1].copy()):
        assert hypervolume_order(points).tolist() == list(range(len(points)))
