"""How much another seed changes a trial, on trials whose noise is known."""

from itertools import pairwise

import numpy as np
import pytest
from made_measured import linear, made

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.seed_noise import seed_noise

RNG = np.random.default_rng(0)
INPUTS = RNG.random((60, 3))
FIRST = np.stack([INPUTS[:, 2], 1 - INPUTS[:, 2]], axis=1)
NAMES = ["first", "second"]


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_noise_at_the_first_rung_and_at_the_end_adds_up_along_the_chain(noise: float) -> None:
    """A linear chain: sd² = (0.8 · 0.5 · noise)² + (0.8 · noise)² + noise²."""
    first = FIRST + RNG.normal(0.0, noise, FIRST.shape)
    measured = made(INPUTS, first, (linear(0.5, 0.3, noise, 1), linear(0.8, -0.6, noise, 2)))
    expected = noise * np.sqrt(0.4**2 + 0.8**2 + 1)
    assert list(seed_noise(measured, NAMES).values()) == pytest.approx([expected] * 2, rel=0.35)


def test_a_training_that_repeats_itself_has_little_noise() -> None:
    noise = seed_noise(made(INPUTS, FIRST, (linear(0.5, 0.3), linear(0.8, -0.6))), NAMES)
    assert all(each < 0.05 for each in noise.values())


@pytest.mark.parametrize("seed", range(3))
def test_an_estimate_does_not_jump_when_a_trial_is_added(seed: int) -> None:
    """The noise of exp(3 u) is 3 exp(3 u) · 0.05: 20 times larger at one end of the front than at the other."""
    rng = np.random.default_rng(seed)
    inputs = rng.random((40, 3))
    first = inputs[:, :1] + rng.normal(0.0, 0.05, (40, 1))

    def last(points: FloatArray, before: FloatArray) -> FloatArray:
        return np.stack([np.exp(3 * before[:, 0]), 2 - before[:, 0] + 0.3 * points[:, 2]], axis=1)

    steps = (lambda _, before: before, last)
    losses = np.hstack([first, 1 - first])
    found = [seed_noise(made(inputs[:n], losses[:n], steps), NAMES)["first"] for n in range(10, 41, 2)]
    expected = np.sqrt(np.mean((3 * np.exp(3 * inputs[:, 0]) * 0.05) ** 2))
    assert all(0.5 < after / before < 2 for before, after in pairwise(found))
    later = found[6:]
    assert expected / 3 < min(later) < max(later) < expected * 1.5


def test_few_completed_trials_say_nothing() -> None:
    steps = (linear(0.5, 0.3), linear(0.8, -0.6))
    assert seed_noise(made(INPUTS, FIRST, steps, (60, 20, 7)), NAMES) == {}
    assert list(seed_noise(made(INPUTS, FIRST, steps, (60, 20, 8)), NAMES)) == NAMES
