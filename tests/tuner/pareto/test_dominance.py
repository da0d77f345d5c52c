"""Dominance with and without limits: against its definition, peeling by hand, and Optuna."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from optuna.study._multi_objective import _fast_non_domination_rank

from tuner.pareto.dominance import (
    constrained_rank,
    constrained_relation,
    is_non_dominated,
    non_domination_rank,
    violations,
)
from tuner.pareto.objectives import FloatArray

INF = np.inf


def losses(max_rows: int = 12, max_objectives: int = 4) -> st.SearchStrategy[FloatArray]:
    """Draw small matrices of few distinct values, so that ties and duplicates are common."""
    shapes = st.tuples(st.integers(0, max_rows), st.integers(1, max_objectives))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-3, 3).map(float)))


def dominates(a: FloatArray, b: FloatArray) -> bool:
    return bool((a <= b).all() and (a < b).any())


def peeled_by_definition(rows: int, row_dominates: Callable[[int, int], bool]) -> list[int]:
    ranks: dict[int, int] = {}
    front = 0
    while len(ranks) < rows:
        left = [i for i in range(rows) if i not in ranks]
        ranks |= {i: front for i in left if not any(row_dominates(j, i) for j in left)}
        front += 1
    return [ranks[i] for i in range(rows)]


@given(losses())
def test_non_dominated_rows_are_those_that_no_row_dominates(matrix: FloatArray) -> None:
    expected = [not any(dominates(other, row) for other in matrix) for row in matrix]
    assert is_non_dominated(matrix).tolist() == expected


@given(losses())
def test_ranks_are_those_of_peeling_front_after_front(matrix: FloatArray) -> None:
    expected = peeled_by_definition(len(matrix), lambda a, b: dominates(matrix[a], matrix[b]))
    assert non_domination_rank(matrix).tolist() == expected


def test_a_large_random_set_agrees_between_the_sweep_and_general_peeling() -> None:
    matrix = np.random.default_rng(0).random((2000, 2)).round(2)
    general = non_domination_rank(np.hstack([matrix, matrix[:, :1]]))
    assert np.array_equal(non_domination_rank(matrix), general)
    assert np.array_equal(is_non_dominated(matrix), general == 0)


def test_infinite_losses_are_the_worst() -> None:
    matrix = np.array([[np.inf, np.inf], [0.1, 0.2], [np.inf, 0.1], [-np.inf, np.inf]])
    assert non_domination_rank(matrix).tolist() == [1, 0, 0, 0]


def test_a_nan_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match="losses") as refused:
        is_non_dominated(np.array([[0.0, 1.0], [np.nan, 2.0]]))
    assert "Row 1" in str(refused.value)


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="losses"):
        non_domination_rank(np.zeros(shape))


def test_violations_are_shares_of_each_objectives_range_added_up() -> None:
    matrix = np.array([[0.0, 0.0], [5.0, 200.0], [10.0, 400.0]])
    assert violations(matrix, np.array([5.0, INF])).tolist() == [0.0, 0.0, 0.5]
    assert violations(matrix, np.array([0.0, 300.0])).tolist() == [0.0, 0.5, 1.25]
    assert violations(matrix, np.array([INF, INF])).tolist() == [0.0, 0.0, 0.0]


def test_an_objective_without_a_range_violates_in_its_own_unit() -> None:
    assert violations(np.array([[3.0], [3.0]]), np.array([1.0])).tolist() == [2.0, 2.0]


@given(losses())
def test_without_limits_the_fronts_are_the_usual_ones(matrix: FloatArray) -> None:
    usual = non_domination_rank(matrix).tolist()
    assert constrained_rank(matrix, None).tolist() == usual
    for accepts_all in (INF, 4.0):
        beyond = violations(matrix, np.full(matrix.shape[1], accepts_all))
        assert constrained_rank(matrix, beyond).tolist() == usual


@given(losses(max_rows=9), st.lists(st.integers(-4, 4), min_size=4, max_size=4))
def test_fronts_are_those_of_constrained_domination(matrix: FloatArray, limits: list[int]) -> None:
    """By the definition: feasible first, then less violation, then the usual dominance."""
    bounds = np.array(limits[: matrix.shape[1]], dtype=np.float64)
    beyond = violations(matrix, bounds)

    def row_dominates(a: int, b: int) -> bool:
        if beyond[a] or beyond[b]:
            return bool(beyond[a] < beyond[b])
        return dominates(matrix[a], matrix[b])

    expected = peeled_by_definition(len(matrix), row_dominates)
    assert constrained_rank(matrix, beyond).tolist() == expected
    for deepest in range(len(matrix) + 1):
        clipped = constrained_rank(matrix, beyond, deepest)
        assert clipped.tolist() == [min(front, deepest) for front in expected]
    for row in range(len(matrix)):
        dominating, dominated = constrained_relation(matrix, row, beyond)
        assert dominating.tolist() == [row_dominates(a, row) for a in range(len(matrix))]
        assert dominated.tolist() == [row_dominates(row, b) for b in range(len(matrix))]


@given(losses(), st.integers(-4, 4))
def test_fronts_are_optunas_for_its_penalty(matrix: FloatArray, limit: int) -> None:
    bounds = np.full(matrix.shape[1], float(limit))
    if len(matrix):
        beyond = violations(matrix, bounds)
        theirs = _fast_non_domination_rank(matrix, penalty=beyond)
        assert constrained_rank(matrix, beyond).tolist() == theirs.tolist()
