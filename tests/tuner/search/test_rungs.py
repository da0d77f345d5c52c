"""The rule of early stopping against its own words, worked out here with exact fractions and no NumPy."""

import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def dominates(a: Row, b: Row) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def continues_by_definition(rows: Sequence[Row], newcomer: int, factor: int) -> bool:
    """Rank by earlier fronts, farthest first inside a front; equal rows share the rank of their first."""
    finite = [row for row in rows if all(map(math.isfinite, row))]
    if rows[newcomer] not in finite:
        return False
    preferred: list[Row] = []
    left = sorted(set(finite))
    while left:
        front = [row for row in left if not any(dominates(other, row) for other in left)]
        preferred += farthest_first(front, finite)
        left = [row for row in left if row not in front]
    before = preferred[: preferred.index(rows[newcomer])]
    rank = sum(row in before for row in finite)
    return Fraction(rank) <= Fraction(len(rows), factor)


def farthest_first(front: list[Row], rung: Sequence[Row]) -> list[Row]:
    lows = [Fraction(min(column)) for column in zip(*rung, strict=True)]
    spans = [Fraction(max(column)) - low for column, low in zip(zip(*rung, strict=True), lows, strict=True)]

    def distance(a: Row, b: Row) -> Fraction:
        gaps = [(Fraction(x) - Fraction(y)) / (span or 1) for x, y, span in zip(a, b, spans, strict=True)]
        return sum((gap * gap for gap in gaps), Fraction(0))

    order = [min(front)]
    while len(order) < len(front):
        rest = sorted(set(front) - set(order))
        order.append(max(rest, key=lambda row: min(distance(row, chosen) for chosen in order)))
    return order


@given(st.integers(1, 50), FACTORS, st.integers(1, 10_000))
def test_milestones_in_closed_form(grace: int, factor: int, epochs: int) -> None:
    rungs = EarlyStoppingSpec(grace_epochs=grace, reduction_factor=factor).milestones(epochs)
    assert rungs == [grace * factor**k for k in range(20) if grace * factor**k < epochs]


def grid_rows(objectives: int) -> st.SearchStrategy[list[Row]]:
    """Draw rows whose scaled values are exact in binary, so that equal distances are equal in floats, too."""
    row = st.tuples(*[st.integers(0, 8).map(float)] * objectives)
    corners = [tuple(8.0 * (i == j) for j in range(objectives)) for i in range(objectives)]
    best_and_worst = [(0.0,) * objectives, (8.0,) * objectives]
    return st.lists(row, min_size=1, max_size=12).flatmap(
        lambda rows: st.permutations([*rows, *(corners if objectives > 1 else best_and_worst)])
    )


@given(st.integers(1, 3).flatmap(grid_rows), FACTORS)
def test_the_decision_is_that_of_the_definition(rows: list[Row], factor: int) -> None:
    rungs = rung_of(rows, factor)
    for number in range(len(rows)):
        assert rungs.continues(EPOCH, number) == continues_by_definition(rows, number, factor)


@pytest.mark.parametrize("seed", range(5))
def test_the_decision_is_that_of_the_definition_for_any_numbers(seed: int) -> None:
    rng = random.Random(seed)
    rows = [(rng.random(), rng.gauss(0, 100)) for _ in range(25)]
    rows[3] = (math.nan, 1.0)
    rungs = rung_of(rows, 3)
    for number in range(len(rows)):
        assert rungs.continues(EPOCH, number) == continues_by_definition(rows, number, 3)


@pytest.mark.parametrize(("factor", "of_middle"), [(2, True), (3, True), (4, False)])
def test_a_cycle_of_three_keeps_the_best_and_stops_the_worst(factor: int, of_middle: bool) -> None:
    """The order [2 0 1] of these rows is not their ranks [1 2 0], which the published code confuses."""
    for rows in itertools.permutations([(2.0, 2.0), (3.0, 3.0), (1.0, 1.0)]):
        rungs = rung_of(rows, factor)
        decisions = {rows[number]: rungs.continues(EPOCH, number) for number in range(3)}
        assert decisions == {(1.0, 1.0): True, (2.0, 2.0): of_middle, (3.0, 3.0): False}


ROWS = st.integers(1, 3).flatmap(
    lambda m: st.lists(st.lists(st.floats(-1e6, 1e6), min_size=m, max_size=m), min_size=1, max_size=15)
)


@given(ROWS, FACTORS)
def test_a_newcomer_that_dominates_the_whole_rung_is_never_stopped(rows: list[list[float]], factor: int) -> None:
    best = np.array(rows).min(axis=0) - 1
    assert continues([*rows, best.tolist()], factor)


@given(ROWS, FACTORS)
def test_a_newcomer_that_all_dominate_is_stopped_as_soon_as_its_rank_is_too_large(
    rows: list[list[float]], factor: int
) -> None:
    """Its rank is the number of the others, N - 1, so that it stops exactly if (N - 1) * factor > N."""
    worst = np.array(rows).max(axis=0) + 1
    count = len(rows) + 1
    assert continues([*rows, worst.tolist()], factor) == ((count - 1) * factor <= count)


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


@given(st.lists(st.integers(0, 9), min_size=1, max_size=15), st.integers(1, 6), FACTORS)
def test_trials_without_a_finite_loss_count_in_the_size_and_are_preferred_to_nobody(
    values: list[int], broken: int, factor: int
) -> None:
    """They are like trials that all others beat."""
    rows = [[float(value)] for value in values]
    with_nan, with_worst = rung_of([[math.nan]] * broken + rows, factor), rung_of([[10.0]] * broken + rows, factor)
    for number in range(broken, broken + len(rows)):
        assert with_nan.continues(EPOCH, number) == with_worst.continues(EPOCH, number)


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


def test_a_trial_within_the_limits_is_preferred_to_all_beyond_them() -> None:
    rungs = Rungs([EPOCH], 3, limits=np.array([1.0, math.inf]))
    for number, row in enumerate([(2.0, 0.0), (3.0, 0.0), (0.9, 9.0), (1.5, 0.0)]):
        rungs.record(EPOCH, number, np.array(row))
    assert [rungs.continues(EPOCH, number) for number in range(4)] == [False, False, True, True]
