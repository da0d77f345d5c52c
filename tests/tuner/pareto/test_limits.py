"""Limits on objectives: violations in closed form, and constrained domination against its definition and Optuna."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from optuna.study._multi_objective import _fast_non_domination_rank

from tuner.pareto.dominance import non_domination_rank
from tuner.pareto.limits import constrained_rank, constrained_relation, violations
from tuner.pareto.objectives import FloatArray

INF = np.inf


def matrices() -> st.SearchStrategy[FloatArray]:
    return st.tuples(st.integers(0, 9), st.integers(1, 3)).flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-4, 4).map(float))
    )


def test_violations_are_shares_of_each_objectives_range_added_up() -> None:
    losses = np.array([[0.0, 0.0], [5.0, 200.0], [10.0, 400.0]])
    assert violations(losses, np.array([5.0, INF])).tolist() == [0.0, 0.0, 0.5]
    assert violations(losses, np.array([0.0, 300.0])).tolist() == [0.0, 0.5, 1.25]
    assert violations(losses, np.array([INF, INF])).tolist() == [0.0, 0.0, 0.0]


def test_an_objective_without_a_range_violates_in_its_own_unit() -> None:
    assert violations(np.array([[3.0], [3.0]]), np.array([1.0])).tolist() == [2.0, 2.0]


@given(matrices())
def test_without_limits_the_fronts_are_the_usual_ones(losses: FloatArray) -> None:
    usual = non_domination_rank(losses).tolist()
    assert constrained_rank(losses, None).tolist() == usual
    for accepts_all in (INF, 4.0):
        beyond = violations(losses, np.full(losses.shape[1], accepts_all))
        assert constrained_rank(losses, beyond).tolist() == usual


@given(matrices(), st.lists(st.integers(-4, 4), min_size=3, max_size=3))
def test_fronts_are_those_of_constrained_domination(losses: FloatArray, limits: list[int]) -> None:
    """Peel by the definition: feasible first, then less violation, then the usual dominance."""
    bounds = np.array(limits[: losses.shape[1]], dtype=np.float64)
    beyond = violations(losses, bounds)

    def dominates(a: int, b: int) -> bool:
        if beyond[a] or beyond[b]:
            return bool(beyond[a] < beyond[b])
        return bool((losses[a] <= losses[b]).all() and (losses[a] < losses[b]).any())

    left, front, expected = set(range(len(losses))), 0, [-1] * len(losses)
    while left:
        best = {b for b in left if not any(dominates(a, b) for a in left)}
        for row in best:
            expected[row] = front
        left -= best
        front += 1
    assert constrained_rank(losses, beyond).tolist() == expected
    for deepest in range(len(losses) + 1):
        clipped = constrained_rank(losses, beyond, deepest)
        assert clipped.tolist() == [min(front, deepest) for front in expected]
    for row in range(len(losses)):
        dominating, dominated = constrained_relation(losses, row, beyond)
        assert dominating.tolist() == [dominates(a, row) for a in range(len(losses))]
        assert dominated.tolist() == [dominates(row, b) for b in range(len(losses))]


@given(matrices(), st.integers(-4, 4))
def test_fronts_are_optunas_for_its_penalty(losses: FloatArray, limit: int) -> None:
    bounds = np.full(losses.shape[1], float(limit))
    if len(losses):
        beyond = violations(losses, bounds)
        theirs = _fast_non_domination_rank(losses, penalty=beyond)
        assert constrained_rank(losses, beyond).tolist() == theirs.tolist()
