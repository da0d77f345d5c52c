"""What is said of the rungs, on trials whose rungs are known to say much, or nothing."""

import numpy as np
import pytest
from made_measured import linear, made

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.rung_check import rung_qualities

RNG = np.random.default_rng(5)
INPUTS = RNG.random((40, 2))
FIRST = RNG.random((40, 2))
NAMES = ("natural_accuracy", "pgd_accuracy")


def test_a_rung_that_says_the_end_and_one_that_does_not() -> None:
    """From level 0 to 1 only noise comes through; from level 1 to the end, nearly everything."""
    measured = made(INPUTS, FIRST, (linear(0.0, 0.0, 0.3, 1), linear(1.0, 0.0, 0.05, 2)))
    blind, seeing = [rung_qualities(measured, NAMES)[place : place + 2] for place in (0, 2)]
    assert [quality.epoch for quality in (*blind, *seeing)] == [3, 3, 9, 9]
    assert [quality.metric for quality in (*blind, *seeing)] == [*NAMES, *NAMES]
    assert all(abs(quality.raw) < 0.35 and abs(quality.correlation) < 0.4 for quality in blind)
    assert all(quality.raw > 0.9 and quality.correlation > 0.9 for quality in seeing)


def test_the_model_sees_more_than_the_bare_rung() -> None:
    """The rung and the end differ by an effect of the first parameter, which the model learns."""
    measured = made(INPUTS, FIRST, (linear(1.0, 3.0, 0.02, 1), linear(1.0, 0.0, 0.02, 2)))
    first = rung_qualities(measured, NAMES)[0]
    assert first.raw < 0.6
    assert first.correlation > 0.95


def test_the_intervals_hold_about_four_of_five_final_values() -> None:
    inside = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        steps = (linear(0.7, 0.5, 0.2, seed), linear(0.9, -0.5, 0.1, seed + 50))
        measured = made(rng.random((40, 2)), rng.random((40, 2)), steps)
        inside += [quality.inside for quality in rung_qualities(measured, NAMES)]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.1)


def test_values_far_on_the_bad_side_are_inside_intervals_that_reach_there() -> None:
    """Where the first parameter is small, trainings fail, by 100 to 100,000. The models know that they fail."""

    def failing(inputs: FloatArray, before: FloatArray) -> FloatArray:
        loss = 10.0 ** np.random.default_rng(1).uniform(2, 5, before.shape)
        return np.where(inputs[:, :1] < 0.3, loss, before + linear(0.0, 0.0, 0.05, 2)(inputs, before))

    measured = made(INPUTS, FIRST, (failing, linear(1.0, 0.0, 0.05, 3)))
    qualities = rung_qualities(measured, NAMES)
    assert np.mean([quality.inside for quality in qualities]) == pytest.approx(0.8, abs=0.15)


def test_nothing_is_said_of_few_trials() -> None:
    steps = (linear(1.0, 0.0), linear(1.0, 0.0))
    assert rung_qualities(made(INPUTS, FIRST, steps, (30, 15, 7)), NAMES) == []
    assert len(rung_qualities(made(INPUTS, FIRST, steps, (30, 15, 8)), NAMES)) == 4


def test_a_rung_at_which_all_trials_are_equal_has_no_correlation() -> None:
    measured = made(INPUTS, np.zeros((40, 2)), (linear(0.0, 1.0, 0.1, 1), linear(1.0, 0.0, 0.05, 2)))
    blind, _, seeing, _ = rung_qualities(measured, NAMES)
    assert blind.raw == 0
    assert seeing.raw > 0.9
    same = made(INPUTS, FIRST, (linear(0.0, 0.0), linear(1.0, 0.0)))
    assert np.isnan(rung_qualities(same, NAMES)[0].raw), "the end has no order"


def test_a_constraint_with_two_limits_has_one_row() -> None:
    losses = np.hstack([FIRST, -FIRST[:, :1], FIRST[:, :1]])
    measured = made(INPUTS, losses, (linear(1.0, 0.0), linear(1.0, 0.0)), constraints=2)
    found = rung_qualities(measured, (*NAMES, "seconds", "seconds"))
    assert [quality.metric for quality in found] == [*NAMES, "seconds"] * 2
