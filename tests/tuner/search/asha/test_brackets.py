"""Brackets: Hyperband's shares, the first rung of each, and comparisons inside a bracket only."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.search.asha import Brackets, Rungs
from tuner.search.asha.brackets import bracket_of, bracket_shares
from tuner.space.rungs import milestones


@given(st.integers(1, 6), st.integers(2, 5))
def test_shares_are_hyperbands(brackets: int, factor: int) -> None:
    """Li et al. 2018, algorithm 1: n = ceil(B / R * factor^s / (s + 1)) of the bracket with s rounds of halving."""
    sizes = [Fraction(factor**s * brackets, s + 1) for s in reversed(range(brackets))]
    assert bracket_shares(brackets, factor).tolist() == pytest.approx([float(n / sum(sizes)) for n in sizes])


@given(st.integers(0, 10_000), st.integers(0, 2**31), st.integers(2, 5))
def test_a_trials_bracket_is_a_function_of_its_number_and_the_seed(number: int, seed: int, factor: int) -> None:
    assert bracket_of(number, 1, factor, seed) == 0
    bracket = bracket_of(number, 3, factor, seed)
    assert bracket == bracket_of(number, 3, factor, seed)
    assert bracket in {0, 1, 2}


def test_brackets_are_drawn_with_their_shares() -> None:
    count = 2000
    drawn = Counter(bracket_of(number, 3, 3, seed=1) for number in range(count))
    for bracket, share in enumerate(bracket_shares(3, 3)):
        assert abs(drawn[bracket] - count * share) < 4 * np.sqrt(count * share * (1 - share))


def test_each_bracket_begins_to_compare_later() -> None:
    brackets = Brackets([1, 3, 9], 3, brackets=3)
    first = {bracket: next(n for n in range(100) if bracket_of(n, 3, 3, 0) == bracket) for bracket in range(3)}
    for bracket, number in first.items():
        rungs = [epoch for epoch in range(1, 28) if brackets.is_rung(number, epoch)]
        assert rungs == [1, 3, 9][bracket:]


def test_trials_are_compared_inside_their_bracket_only() -> None:
    """Each decision is that of a plain rung with the trials of the same bracket."""
    brackets = Brackets([1, 3], 3, brackets=2, seed=4)
    alone = [Rungs([1, 3], 3), Rungs([3], 3)]
    rng = np.random.default_rng(0)
    for number in range(60):
        losses = rng.random(2)
        own = alone[bracket_of(number, 2, 3, 4)]
        for epoch in own.epochs:
            brackets.record(number, epoch, losses)
            own.record(epoch, number, losses)
            assert brackets.continues(number, epoch) == own.continues(epoch, number)


@pytest.mark.parametrize(("epochs", "asked", "rungs"), [(27, 9, 3), (3, 4, 1), (1, 4, 0), (0, 2, 0)])
def test_there_are_no_more_brackets_than_rungs(epochs: int, asked: int, rungs: int) -> None:
    brackets = Brackets(milestones(1, 3, epochs), 3, brackets=asked)
    assert len(brackets.epochs) == rungs
    for number in range(50):
        compared = [epoch for epoch in range(1, 28) if brackets.is_rung(number, epoch)]
        assert bool(compared) == (rungs > 0)
