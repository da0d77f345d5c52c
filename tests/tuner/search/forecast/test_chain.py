"""The chain of models on trials whose levels have a known relation."""

import numpy as np
import pytest
from made_measured import linear, made

from tuner.search.forecast.chain import Chain
from tuner.search.forecast.measured import Unmeasured

RNG = np.random.default_rng(0)
INPUTS = RNG.random((24, 3))
# The first rung says nothing of the second input, which it cannot see; the first input acts at later levels.
FIRST = np.stack([INPUTS[:, 2], 1 - INPUTS[:, 2]], axis=1) + RNG.normal(0, 0.3, (24, 2))
STEPS = (linear(0.5, 0.3), linear(0.8, -0.6))


def final(inputs: np.ndarray, losses: np.ndarray, level: int) -> np.ndarray:
    for step in STEPS[level:]:
        losses = step(inputs, losses)
    return losses


@pytest.mark.parametrize("level", [0, 1])
def test_a_linear_relation_is_found_from_each_rung(level: int) -> None:
    measured = made(INPUTS, FIRST, STEPS, (24, 18, 14))
    chain = Chain(measured, {})
    rng = np.random.default_rng(1)
    places, losses = rng.random((30, 3)), rng.random((30, 2))
    walked = chain.final_losses(places, np.zeros((1, 3, 2)), level, losses)[0]
    truth = final(places, losses, level)
    assert np.abs(walked - truth).mean() < 0.2 * truth.std()


def test_a_rung_on_another_scale_says_the_same_of_the_end() -> None:
    """A cheaper attack at a rung leaves other accuracies there, but the end keeps its own."""

    def scaled(losses: np.ndarray) -> np.ndarray:
        return np.asarray(0.4 * losses - 3.0)

    same = Chain(made(INPUTS, FIRST, STEPS, (24, 18, 14)), {})
    first = STEPS[0]
    steps = ((lambda inputs, losses: first(inputs, (losses + 3.0) / 0.4)), STEPS[1])
    other = Chain(made(INPUTS, scaled(FIRST), steps, (24, 18, 14)), {})
    rng, still = np.random.default_rng(5), np.zeros((1, 3, 2))
    places, losses = rng.random((30, 3)), rng.random((30, 2))
    expected = same.final_losses(places, still, 0, losses)
    assert other.final_losses(places, still, 0, scaled(losses)) == pytest.approx(expected, abs=0.02)
    assert other.final_losses(places, still) == pytest.approx(same.final_losses(places, still), abs=0.02)


def test_samples_spread_more_from_an_earlier_level() -> None:
    steps = (linear(0.5, 0.3, 0.05, 1), linear(0.8, -0.6, 0.05, 2))
    measured = made(INPUTS, FIRST, steps, (24, 20, 16))
    chain, normals = Chain(measured, {}), np.random.default_rng(2).standard_normal((400, 3, 2))
    place = np.full((1, 3), 0.5)
    spreads = [
        chain.final_losses(place, normals).std(),
        chain.final_losses(place, normals, 0, np.array([[0.5, 0.5]])).std(axis=0).mean(),
        chain.final_losses(place, normals, 1, np.array([[0.4, 0.4]])).std(axis=0).mean(),
    ]
    assert spreads[0] > spreads[1] > spreads[2]


def test_a_running_trial_is_believed_at_its_mean_and_makes_its_neighbourhood_certain() -> None:
    place = np.array([0.9, 0.1, 0.2])
    normals = np.random.default_rng(3).standard_normal((400, 3, 2))
    alone = Chain(made(INPUTS, FIRST, STEPS, (12, 10, 8)), {})
    running = Unmeasured(place, -1, None)
    believed = Chain(made(INPUTS, FIRST, STEPS, (12, 10, 8), running=(running,)), {})
    mean = alone.final_losses(place[None], np.zeros((1, 3, 2)))[0]
    assert believed.final_losses(place[None], np.zeros((1, 3, 2)))[0] == pytest.approx(mean, abs=0.02)
    assert believed.believed_losses == pytest.approx(mean, abs=1e-6)
    assert believed.final_losses(place[None], normals).std() < 0.7 * alone.final_losses(place[None], normals).std()


def test_a_failed_trial_is_worse_than_all_others_where_it_failed() -> None:
    place = np.array([0.5, 0.5, 0.5])
    failed = Unmeasured(place, -1, None)
    chain = Chain(made(INPUTS, FIRST, STEPS, failed=(failed,)), {})
    without = Chain(made(INPUTS, FIRST, STEPS), {})
    still = np.zeros((1, 3, 2))
    assert (chain.final_losses(place[None], still) > without.final_losses(place[None], still)).all()


def test_what_is_kept_changes_nothing_and_does_not_grow() -> None:
    kept = Chain(made(INPUTS, FIRST, STEPS, (20, 15, 9)), {}).fitted
    measured = made(INPUTS, FIRST, STEPS, (21, 15, 9))
    anew, after = Chain(measured, {}), Chain(measured, kept)
    normals = np.random.default_rng(4).standard_normal((8, 3, 2))
    assert (anew.final_losses(INPUTS, normals) == after.final_losses(INPUTS, normals)).all()
    assert len(after.fitted) == 3


def test_the_last_level_is_the_highest_one_with_enough_trials() -> None:
    assert made(INPUTS, FIRST, STEPS, (3, 3, 3)).highest == -1
    assert made(INPUTS, FIRST, STEPS, (24, 2, 2)).highest == 0
    assert made(INPUTS, FIRST, STEPS, (24, 10, 2)).highest == 1
    assert made(INPUTS, FIRST, STEPS, (24, 10, 3)).highest == 2
    chain = Chain(made(INPUTS, FIRST, STEPS, (24, 10, 2)), {})
    assert chain.final_losses(INPUTS[:2], np.zeros((1, 2, 2))).shape == (1, 2, 2)
