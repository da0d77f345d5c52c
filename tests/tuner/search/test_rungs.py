"""The rule of early stopping against the ranks that `test_preference` holds against their definition."""

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.preference import preference_rank
from tuner.search.rungs import Rungs
from tuner.space.sections import EarlyStoppingSpec

Row = tuple[float, ...]
EPOCH = 3
FACTORS = st.integers(2, 5)


def rung_of(rows: Sequence[Sequence[float]], factor: int) -> Rungs:
    rungs = Rungs([1, EPOCH, 9], factor)
    for number, row in enumerate(rows):
        rungs.record(EPOCH, number, np.array(row, dtype=np.float64))
    return rungs


def continues(rows: Sequence[Sequence[float]], factor: int) -> bool:
    """Judge the last of some rows, which arrive in this order."""
    return rung_of(rows, factor).continues(EPOCH, len(rows) - 1)


def continues_by_rank(rows: Sequence[Row], newcomer: int, factor: int) -> bool:
    """Compare the newcomer's rank among the rows with finite losses with its limit N / factor."""
    finite = [row for row in rows if all(map(math.isfinite, row))]
    if rows[newcomer] not in finite:
        return False
    rank = int(preference_rank(np.array(finite))[finite.index(rows[newcomer])])
    return rank * factor <= len(rows)


@given(st.integers(1, 50), FACTORS, st.integers(1, 10_000))
def test_milestones_in_closed_form(grace: int, factor: int, epochs: int) -> None:
    rungs = EarlyStoppingSpec(grace_epochs=grace, reduction_factor=factor).milestones(epochs)
    assert rungs == [grace * factor**k for k in range(20) if grace * factor**k < epochs]


def rows_of(objectives: int) -> st.SearchStrategy[list[Row]]:
    values = st.integers(0, 8).map(float) | st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])
    return st.lists(st.tuples(*[values] * objectives), min_size=1, max_size=15)


@given(st.integers(1, 3).flatmap(rows_of), FACTORS)
def test_the_decision_is_that_of_the_ranks(rows: list[Row], factor: int) -> None:
    rungs = rung_of(rows, factor)
    for number in range(len(rows)):
        assert rungs.continues(EPOCH, number) == continues_by_rank(rows, number, factor)


@pytest.mark.parametrize("seed", range(5))
def test_the_decision_is_that_of_the_ranks_for_many_trials(seed: int) -> None:
    rng = random.Random(seed)
    rows = [(rng.random(), rng.gauss(0, 100)) for _ in range(25)]
    rows[3] = (math.nan, 1.0)
    rungs = rung_of(rows, 3)
    for number in range(len(rows)):
        assert rungs.continues(EPOCH, number) == continues_by_rank(rows, number, 3)


@pytest.mark.parametrize(("factor", "of_middle"), [(2, True), (3, True), (4, False)])
def test_a_cycle_of_three_keeps_the_best_and_stops_the_worst(factor: int, of_middle: bool) -> None:
    """The order [2 0 1] of these rows is not their ranks [1 2 0], which the published code confuses."""
    for rows in itertools.permutations([(2.0, 2.0), (3.0, 3.0), (1.0, 1.0)]):
        rungs = rung_of(rows, factor)
        decisions = {rows[number]: rungs.continues(EPOCH, number) for number in range(3)}
        assert decisions == {(1.0, 1.0): True, (2.0, 2.0): of_middle, (3.0, 3.0): False}


def test_the_first_of_a_rung_goes_on_and_the_worse_of_two_stops() -> None:
    assert continues([(5.0, 5.0)], 3)
    assert not continues([(5.0, 5.0), (6.0, 6.0)], 3)
    assert continues([(5.0, 5.0), (6.0, 6.0)], 2), "1 * 2 <= 2"


def test_a_total_order_may_stop_one_of_two_incomparable_trials() -> None:
    """The documented choice: of an ever growing front not all may go on."""
    assert continues([(2.0, 1.0), (1.0, 2.0)], 3)
    assert not continues([(1.0, 2.0), (2.0, 1.0)], 3)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_newcomer_without_a_finite_loss_stops_even_if_it_is_the_first(broken: float) -> None:
    assert not continues([(broken, 0.0)], 3)
    assert not continues([(1.0, 1.0), (0.0, broken)], 3)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["totally ordered", "independent objectives"])
def test_the_share_that_goes_on_is_about_one_in_factor(factor: int, spread: float) -> None:
    """With N at the rung, a random newcomer's rank is uniform, and floor(N / factor) + 1 of N ranks go on."""
    rng = np.random.default_rng(factor)
    count = 300
    rungs = Rungs([EPOCH], factor)
    kept = 0
    for number in range(count):
        first, second = rng.random(2)
        rungs.record(EPOCH, number, np.array([first, first + spread * (second - first)]))
        kept += rungs.continues(EPOCH, number)
    chances = [min(1.0, (n // factor + 1) / n) for n in range(1, count + 1)]
    deviation = math.sqrt(sum(p * (1 - p) for p in chances))
    assert abs(kept - sum(chances)) < 3 * deviation
    assert kept / count == pytest.approx(1 / factor, abs=0.1)


def test_a_trial_beyond_a_constraint_comes_last_and_the_constraint_is_no_objective() -> None:
    rungs = Rungs([EPOCH], 3, limits=np.array([math.inf, 5.0]), constraints=1)
    for number, row in enumerate([(2.0, 4.0), (1.0, 6.0), (3.0, 1.0), (1.5, 4.0), (0.0, 5.5)]):
        rungs.record(EPOCH, number, np.array(row))
    # The order is 3, 0, 2, and then those beyond the constraint, 4 and 1; two of five go on.
    assert [rungs.continues(EPOCH, number) for number in range(5)] == [True, False, False, True, False]


def test_a_trial_within_the_limits_is_preferred_to_all_beyond_them() -> None:
    rungs = Rungs([EPOCH], 3, limits=np.array([1.0, math.inf]))
    for number, row in enumerate([(2.0, 0.0), (3.0, 0.0), (0.9, 9.0), (1.5, 0.0)]):
        rungs.record(EPOCH, number, np.array(row))
    assert [rungs.continues(EPOCH, number) for number in range(4)] == [False, False, True, True]
