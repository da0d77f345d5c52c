"""The farthest-first order against brute force."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.farthest_first import farthest_first_order
from tuner.pareto.objectives import FloatArray


def front_of(rows: Sequence[Sequence[float]]) -> FloatArray:
    """Return the distinct non-dominated rows in lexicographic order."""
    points = np.unique(np.array(rows, dtype=np.float64), axis=0)
    return points[is_non_dominated(points)]


def fronts(objectives: int) -> st.SearchStrategy[FloatArray]:
    """Draw fronts of points on a grid in [0, 1], whose sums and products are exact in binary."""
    row = st.lists(st.integers(0, 16).map(lambda k: k / 16), min_size=objectives, max_size=objectives)
    return st.lists(row, min_size=1, max_size=10).map(front_of)


ANY_FRONT = st.integers(1, 4).flatmap(fronts)


@given(points=ANY_FRONT)
def test_all_points_are_ordered(points: FloatArray) -> None:
    assert sorted(farthest_first_order(points).tolist()) == list(range(len(points)))


@given(points=ANY_FRONT)
def test_each_next_point_is_the_farthest_from_those_before_it(points: FloatArray) -> None:
    """Brute force: the largest distance to the nearest ordered point; of equal ones the first of `points`."""
    order = farthest_first_order(points).tolist()
    assert order[0] == 0
    for place in range(1, len(order)):
        distances = np.linalg.norm(points[:, None] - points[order[:place]], axis=2).min(axis=1)
        distances[order[:place]] = -1
        assert distances[order[place]] == distances.max()


def test_farthest_first_takes_both_ends_and_then_the_widest_gap() -> None:
    points = np.array([[0.0], [0.1], [0.4], [0.9], [1.0]])
    assert farthest_first_order(points).tolist() == [0, 4, 2, 1, 3]
