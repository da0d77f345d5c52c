"""The rung's order: rules that hold for any losses, and the whole rule against a slow re-statement of it."""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray
from tuner.pareto.preference import farthest_first_order, preference_rank, preferred_at_most


def losses(min_rows: int = 0, objectives: int | None = None) -> st.SearchStrategy[FloatArray]:
    """Draw small matrices of few distinct values, so that ties and duplicates are common."""
    columns = st.integers(1, 3) if objectives is None else st.just(objectives)
    return st.tuples(st.integers(min_rows, 9), columns).flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-4, 4).map(float))
    )


def dominates(a: FloatArray, b: FloatArray) -> bool:
    return bool((a <= b).all() and (a < b).any())


def rank_by_the_rule(matrix: FloatArray) -> list[int]:
    """Restate the rule with exact fractions on integer losses: peel, then place row after row."""
    rows = [tuple(Fraction(int(v)) for v in row) for row in matrix]
    columns = list(zip(*rows, strict=True))
    spans = [max(c) - min(c) or Fraction(1) for c in columns]

    def distance(a: tuple[Fraction, ...], b: tuple[Fraction, ...]) -> Fraction:
        return sum((((x - y) / s) ** 2 for x, y, s in zip(a, b, spans, strict=True)), Fraction(0))

    left, placed = set(rows), list[tuple[Fraction, ...]]()
    while left:
        front = {a for a in left if not any(dominates(np.array(b), np.array(a)) for b in left)}
        left -= front
        chosen = [min(front)]
        while rest := front.difference(chosen):
            far = {a: min(distance(a, b) for b in chosen) for a in rest}
            chosen.append(min(a for a in rest if far[a] == max(far.values())))
        placed += chosen
    return [sum(rows.count(p) for p in placed[: placed.index(row)]) for row in rows]


def exact_losses(objectives: int) -> st.SearchStrategy[FloatArray]:
    """Draw rows whose scaled values are exact in binary, so that the floats tie exactly where the fractions do."""
    row = st.tuples(*[st.integers(0, 8).map(float)] * objectives)
    corners = [tuple(8.0 * (i == j) for j in range(objectives)) for i in range(objectives)]
    worst_and_best = [(8.0,), (0.0,)] if objectives == 1 else corners
    rows = st.lists(row, max_size=12).flatmap(lambda drawn: st.permutations([*drawn, *worst_and_best]))
    return rows.map(np.array)


@given(st.integers(1, 3).flatmap(exact_losses))
def test_ranks_follow_the_rule(matrix: FloatArray) -> None:
    assert preference_rank(matrix).tolist() == rank_by_the_rule(matrix)


def test_a_rank_is_a_position_and_not_a_list_of_sorted_rows() -> None:
    assert preference_rank(np.array([[2.0, 2.0], [3.0, 3.0], [1.0, 1.0]])).tolist() == [1, 2, 0]


def test_a_front_is_spread_out_from_the_best_in_the_first_objective() -> None:
    matrix = np.array([[4.0, 0.0], [1.0, 3.0], [2.0, 2.0], [0.0, 4.0], [3.0, 1.0]])
    assert preference_rank(matrix).tolist() == [1, 3, 2, 0, 4]


def test_distances_are_scaled_over_the_whole_rung() -> None:
    """A dominated row that stretches the second objective leaves distances in the first to decide."""
    front = np.array([[0.0, 40.0], [1.0, 10.0], [2.5, 9.0], [4.0, 0.0]])
    assert preference_rank(front).tolist() == [0, 2, 3, 1]
    assert preference_rank(np.vstack([front, [[4.0, 1e6]]])).tolist() == [0, 3, 2, 1, 4]


@given(losses(min_rows=1))
def test_a_newcomer_that_dominates_all_others_is_first(matrix: FloatArray) -> None:
    newcomer = matrix.min(axis=0, keepdims=True) - 1
    assert preference_rank(np.vstack([matrix, newcomer]))[-1] == 0


@given(losses(min_rows=1))
def test_a_newcomer_that_all_others_dominate_is_last(matrix: FloatArray) -> None:
    newcomer = matrix.max(axis=0, keepdims=True) + 1
    assert preference_rank(np.vstack([matrix, newcomer]))[-1] == len(matrix)


@given(losses())
def test_a_row_is_preferred_to_all_that_it_dominates(matrix: FloatArray) -> None:
    ranks = preference_rank(matrix)
    assert all(
        ranks[a] < ranks[b] for a in range(len(matrix)) for b in range(len(matrix)) if dominates(matrix[a], matrix[b])
    )


@given(losses(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(matrix: FloatArray, random: Random) -> None:
    permutation = list(range(len(matrix)))
    random.shuffle(permutation)
    assert preference_rank(matrix[permutation]).tolist() == preference_rank(matrix)[permutation].tolist()


@given(losses(), st.lists(st.tuples(st.integers(-6, 6), st.integers(-8, 8)), min_size=3, max_size=3))
def test_scaling_and_shifting_an_objective_changes_nothing(matrix: FloatArray, maps: list[tuple[int, int]]) -> None:
    """Powers of two and small integers, which floats map without rounding."""
    powers, shifts = np.array(maps[: matrix.shape[1]], dtype=np.float64).T
    assert preference_rank(np.exp2(powers) * (matrix + shifts)).tolist() == preference_rank(matrix).tolist()


@given(losses(objectives=1))
def test_one_objective_is_plain_ranking(matrix: FloatArray) -> None:
    assert preference_rank(matrix).tolist() == (rankdata(matrix[:, 0], method="min") - 1).tolist()


@given(losses())
def test_ranks_count_the_preferred_rows(matrix: FloatArray) -> None:
    ranks = preference_rank(matrix).tolist()
    assert ranks == [sum(other < rank for other in ranks) for rank in ranks]
    equal = (matrix[:, None] == matrix[None]).all(axis=2)
    assert np.array_equal(equal, np.equal.outer(ranks, ranks))


@given(losses())
def test_the_front_comes_before_everything_else(matrix: FloatArray) -> None:
    front = is_non_dominated(matrix)
    assert (preference_rank(matrix) < front.sum()).tolist() == front.tolist()


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows(rows: int) -> None:
    assert preference_rank(np.array([[0.0, 1.0], [1.0, 0.0]])[:rows]).tolist() == list(range(rows))


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="losses"):
        preference_rank(np.array([[0.0, np.nan]]))


@given(losses(min_rows=1), st.booleans(), st.data())
def test_one_row_is_judged_as_by_the_whole_order(matrix: FloatArray, limited: bool, data: st.DataObject) -> None:
    limits = np.full(matrix.shape[1], data.draw(st.integers(-3, 3))) if limited else None
    ranks = preference_rank(matrix, limits)
    for row, rank in enumerate(ranks.tolist()):
        for most in range(len(matrix)):
            assert preferred_at_most(matrix, row, most, limits) == (rank <= most)


@given(losses(), st.integers(-3, 3))
def test_rows_beyond_the_limits_come_after_those_within_and_by_how_far_they_are_beyond(
    matrix: FloatArray, limit: int
) -> None:
    """Only the first objective is limited, so that the violation is the excess itself."""
    limits = np.full(matrix.shape[1], np.inf)
    limits[0] = limit
    within = matrix[:, 0] <= limit
    ranks = preference_rank(matrix, limits=limits)
    assert (ranks < within.sum()).tolist() == within.tolist()
    beyond = np.flatnonzero(~within)
    for a in beyond:
        assert all(ranks[a] < ranks[b] for b in beyond if matrix[a, 0] < matrix[b, 0])


@given(losses(min_rows=1, objectives=3), st.integers(-4, 4), st.data())
def test_a_constraint_decides_before_the_objectives_and_not_among_those_within_it(
    matrix: FloatArray, limit: int, data: st.DataObject
) -> None:
    """The last column is a constraint: those within it compare by the first two, the others by their excess."""
    limits = np.array([np.inf, np.inf, limit])
    ranks = preference_rank(matrix, limits, constraints=1)
    within = matrix[:, 2] <= limit
    scaled = np.vstack([matrix[:, :2].min(axis=0), matrix[:, :2].max(axis=0)])
    if (matrix[within][:, :2].min(axis=0, initial=9) == scaled[0]).all() and (
        matrix[within][:, :2].max(axis=0, initial=-9) == scaled[1]
    ).all():  # the scale of the farthest-first order is that of all rows
        assert ranks[within].tolist() == preference_rank(matrix[within][:, :2]).tolist()
    assert all(rank >= within.sum() for rank in ranks[~within])
    for a, b in itertools.permutations(np.flatnonzero(~within), 2):
        assert ranks[a] < ranks[b] or matrix[a, 2] >= matrix[b, 2]
    row = data.draw(st.integers(0, len(matrix) - 1))
    for most in range(len(matrix)):
        assert preferred_at_most(matrix, row, most, limits, constraints=1) == (ranks[row] <= most)


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
def test_each_next_point_is_the_farthest_from_those_before_it(points: FloatArray) -> None:
    """Brute force: the largest distance to the nearest ordered point; of equal ones the first of `points`."""
    order = farthest_first_order(points).tolist()
    assert order[0] == 0
    assert sorted(order) == list(range(len(points)))
    for place in range(1, len(order)):
        distances = np.linalg.norm(points[:, None] - points[order[:place]], axis=2).min(axis=1)
        distances[order[:place]] = -1
        assert distances[order[place]] == distances.max()


def test_farthest_first_takes_both_ends_and_then_the_widest_gap() -> None:
    points = np.array([[0.0], [0.1], [0.4], [0.9], [1.0]])
    assert farthest_first_order(points).tolist() == [0, 4, 2, 1, 3]
