"""The chain of models on trials whose levels have a known relation."""

from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_measured import linear, made

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray
from tuner.search.forecast import chain as chain_module
from tuner.search.forecast.chain import Chain, first_trials
from tuner.search.forecast.gaussian_process import GaussianProcess, Posterior
from tuner.search.forecast.measured import Level, Unmeasured
from tuner.search.forecast.output_transform import OutputTransform

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


def test_a_failed_trial_is_worse_than_all_others_where_it_looked_best_before_it_failed() -> None:
    """Too few trials are measured at the second level, so the first one is taken for the end."""
    best = np.argsort(FIRST.sum(axis=1))[:4].tolist()
    sound = np.delete(FIRST, best, axis=0)
    failed = tuple(Unmeasured(INPUTS[place], 0, FIRST[place]) for place in best)
    chain = Chain(made(INPUTS, FIRST, STEPS, (24, 2, 2), failed=failed, lost=frozenset(best)), {})
    forecast = chain.final_losses(INPUTS[best], np.zeros((1, 3, 2)))[0]
    assert (forecast.mean(axis=0) > np.median(sound, axis=0)).all()


def test_a_level_with_failed_trials_only_is_not_modelled() -> None:
    assert made(INPUTS, FIRST, STEPS, (24, 6, 4), lost=frozenset(range(2))).highest == 1
    assert made(INPUTS, FIRST, STEPS, (24, 6, 4), lost=frozenset(range(1))).highest == 2


def test_hyperparameters_are_used_in_the_units_in_which_they_were_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the better half goes on, so its losses have another spread than those of all trials."""
    fits, uses = [], []

    class Spy(GaussianProcess):
        @classmethod
        def fitted(cls, inputs: FloatArray, values: FloatArray, slopes: int, noise: float | None = None) -> Self:
            fits.append((inputs, values))
            return super().fitted(inputs, values, slopes, noise)

        def given(self, inputs: FloatArray, values: FloatArray) -> Posterior:
            uses.append((inputs, values))
            return super().given(inputs, values)

    monkeypatch.setattr(chain_module, "GaussianProcess", Spy)
    order = np.argsort(FIRST[:10].sum(axis=1))
    Chain(made(INPUTS[order], FIRST[order], STEPS, (10, 5, 4)), {})
    assert len(fits) == len(uses) == 6
    for one, other in zip(fits, uses, strict=True):
        assert (one[0] == other[0]).all()
        assert (one[1] == other[1]).all()


def test_a_trial_far_better_than_all_before_it_is_believed() -> None:
    bad = np.random.default_rng(6).uniform(-0.12, -0.10, (13, 2))
    for place in range(10, 13):
        losses = bad.copy()
        losses[place] = -0.8, -0.4
        chain = Chain(made(INPUTS[:13], losses, (linear(1, 0), linear(1, 0))), {})
        forecast = chain.final_losses(INPUTS[[place]], np.zeros((1, 3, 2)), 1, losses[[place]])[0, 0]
        assert forecast == pytest.approx([-0.8, -0.4], abs=0.1)


@given(st.integers(0, 10_000), st.integers(11, 400))
def test_no_trial_on_a_front_of_two_losses_is_cut(seed: int, trials: int) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that there are equal ones; the far end of the front is rare.
    share = np.where(rng.random(trials) < 0.02, 1.0, 0.05) * rng.random(trials)
    losses = np.round(np.stack([share, 1 - share**0.5], axis=1) + 0.01 * rng.random((trials, 2)), 2)
    level = Level(tuple(range(trials)), np.zeros((trials, 1)), None, losses)
    transform = OutputTransform.fitted(first_trials(level).losses)
    front = losses[is_non_dominated(losses)]
    assert (transform.cut(front) == front).all()


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
