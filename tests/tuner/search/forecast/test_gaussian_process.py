"""One Gaussian process against its closed forms."""

import math

import numpy as np
import pytest

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.gaussian_process import GaussianProcess

LENGTHS = np.array([0.5, 2.0, 1.0])
SCALE, SLOPE, NOISE = 1.3, 0.7, 0.04


def covariance(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the Matern 5/2 on all inputs plus a linear kernel on the last one, as its definition says."""
    distance = np.sqrt((((left[:, None] - right[None]) / LENGTHS) ** 2).sum(axis=-1)) * math.sqrt(5)
    matern = SCALE * (1 + distance + distance**2 / 3) * np.exp(-distance)
    return np.asarray(matern + SLOPE * np.outer(left[:, -1], right[:, -1]))


def test_mean_and_deviation_are_those_of_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    inputs, values, places = rng.random((15, 3)), rng.normal(size=15), rng.random((7, 3)) * 2
    hyperparameters = np.log([SCALE, *LENGTHS, SLOPE, NOISE])
    process = GaussianProcess(hyperparameters, inputs=3, slopes=1)
    posterior = process.given(inputs, values)
    inverse = np.linalg.inv(covariance(inputs, inputs) + (NOISE + 1e-6) * np.eye(15))
    cross = covariance(places, inputs)
    variance = np.diag(covariance(places, places) - cross @ inverse @ cross.T)
    mean, deviation = posterior.predict(places)
    assert mean == pytest.approx(cross @ inverse @ values)
    assert deviation == pytest.approx(np.sqrt(variance), rel=1e-4)
    assert process.noise == pytest.approx(math.sqrt(NOISE))


def test_a_fit_finds_the_noise_and_the_inputs_that_matter() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.random((80, 4))
    values = np.sin(5 * inputs[:, 0]) + inputs[:, 3] + rng.normal(0.0, 0.2, 80)
    process = GaussianProcess.fitted(inputs, values, slopes=1)
    assert process.noise == pytest.approx(0.2, rel=0.3)
    places = rng.random((200, 4))
    mean, _ = process.given(inputs, values).predict(places)
    assert np.abs(mean - np.sin(5 * places[:, 0]) - places[:, 3]).mean() < 0.1


def test_the_linear_part_goes_on_beyond_the_data() -> None:
    inputs = np.stack([np.full(12, 0.5), np.linspace(-1, 1, 12)], axis=1)
    process = GaussianProcess.fitted(inputs, 2 * inputs[:, 1], slopes=1).given(inputs, 2 * inputs[:, 1])
    mean, _ = process.predict(np.array([[0.5, 3.0]]))
    assert mean[0] == pytest.approx(6.0, abs=0.6)
