"""The transform of losses: back and forth without loss, in the same order, and robust against far-off losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.output_transform import OutputTransform


def skewed(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.random(30), np.exp(1.5 * rng.normal(size=30)), 100 - rng.gamma(2, size=30)], axis=1)


@given(st.integers(0, 1000))
def test_values_come_back_and_keep_their_order(seed: int) -> None:
    losses = skewed(seed)
    transform = OutputTransform.fitted(losses)
    values = transform.to_model(losses)
    back = transform.to_losses(values)
    middle = losses < np.median(losses, axis=0)  # losses on the bad side may be cut
    assert back[middle] == pytest.approx(losses[middle])
    for column in range(3):
        order = np.argsort(losses[:, column])
        assert (np.diff(values[order, column]) >= -1e-12).all()


def test_the_values_have_mean_0_and_deviation_1_and_hardly_any_skew() -> None:
    values = OutputTransform.fitted(skewed(0)).to_model(skewed(0))
    assert values.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert values.std(axis=0) == pytest.approx(1)
    assert np.abs(((values - values.mean(axis=0)) ** 3).mean(axis=0)).max() < 0.5


def test_one_loss_far_on_the_bad_side_leaves_the_others_apart() -> None:
    losses = np.append(np.linspace(0.2, 0.8, 20), 1e9)[:, None]
    values = OutputTransform.fitted(losses).to_model(losses)
    assert np.ptp(values[:20]) > 1.5


def test_the_far_end_of_a_front_is_not_cut_when_most_trials_are_at_the_other_end() -> None:
    near = np.stack([np.linspace(0.0, 0.05, 20), np.linspace(1.0, 2.0, 20)], axis=1)
    front, dominated = np.array([[0.6, 0.5], [1.0, 0.0]]), np.array([[1e6, 1.5]])
    transform = OutputTransform.fitted(np.vstack([near, front, dominated]))
    assert transform.to_losses(transform.to_model(front)) == pytest.approx(front)
    assert transform.to_losses(transform.to_model(dominated))[0, 0] < 2.0, "it is far on the bad side only"


@pytest.mark.parametrize(
    "losses",
    [
        np.ones((5, 2)),
        np.array([[0.1, 1.0], [0.1, 2.0]]),
        np.array([[0.0, 1e-300], [1e300, 2e-300], [1.0, 3e-300]]),
        np.array([[-1e-12, 5.0], [0.0, 5.0], [1e-12, 5.0 + 1e-12]]),
    ],
)
def test_constant_and_extreme_losses_stay_finite(losses: FloatArray) -> None:
    transform = OutputTransform.fitted(losses)
    values = transform.to_model(losses)
    assert np.isfinite(values).all()
    assert np.isfinite(transform.to_losses(np.array([[-50.0, 50.0], [0.0, 0.0]]))).all()


@pytest.mark.parametrize("exponent", [100, 155, 200, 300])
def test_losses_too_large_to_be_squared_stay_finite(exponent: int) -> None:
    losses = np.array([[1.0], [2.0], [10.0**exponent], [2.0 * 10.0**exponent], [3.0 * 10.0**exponent]])
    transform = OutputTransform.fitted(losses)
    assert np.isfinite(transform.to_model(losses)).all()
    assert np.isfinite(transform.to_losses(np.linspace(-9, 9, 7)[:, None])).all()


def test_two_limits_of_one_metric_do_not_keep_a_diverged_value() -> None:
    rng = np.random.default_rng(0)
    accuracy, seconds = -rng.random(31), 1 + rng.random(31)
    seconds[-1], accuracy[-1] = 1e9, 0.0
    losses = np.stack([accuracy, -seconds, seconds], axis=1)
    values = OutputTransform.fitted(losses, None, 2).to_model(losses)
    assert np.ptp(values[:-1, 2]) > 1


def test_a_loss_beyond_its_limit_stays_beyond_it() -> None:
    rng = np.random.default_rng(0)
    losses = np.stack([rng.random(30), 1 + 0.1 * rng.random(30)], axis=1)
    losses[7] = 0.5, 10.0
    limits = np.array([np.inf, 3.0])
    transform = OutputTransform.fitted(losses, limits, 1)
    assert (transform.to_losses(transform.to_model(losses))[:, 1] > 3.0).tolist() == (losses[:, 1] > 3.0).tolist()
