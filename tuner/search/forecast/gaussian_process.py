"""One Gaussian process: the model of one loss at one epoch.

The kernel is a Matern 5/2 on all inputs, with a length scale for each, plus a linear one on the last inputs, the losses
at the rung before. The hyperparameters are those of the largest posterior density; the priors of the length scales grow
with the number of inputs (Hvarfner et al. 2024, arXiv:2402.02229). scikit-learn fits them in a fraction of BoTorch's
time (benchmarks/pages/forecast_models.md).
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import cho_solve, cholesky, eigh, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Hyperparameter, Kernel, Matern, WhiteKernel

from tuner.pareto.objectives import FloatArray

_JITTER = 1e-6
_MOST_STEPS = 40
# Inputs that are predicted together: their covariances with 256 trials fit into a processor's cache.
_CHUNK = 512
# What rounding can make of a variance that is 0.
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class _Prior:
    """A normal prior of the logarithm of a hyperparameter, and the range in which it is searched."""

    mean: float
    deviation: float
    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float]:
        return math.exp(self.low), math.exp(self.high)


_SCALE = _Prior(0.0, 1.0, -4.0, 4.0)
_SLOPE = _Prior(-0.5, 1.0, -6.0, 2.0)
_NOISE = _Prior(-4.0, 1.0, -9.0, 1.0)


def _length(inputs: int) -> _Prior:
    return _Prior(math.sqrt(2) + math.log(inputs) / 2, math.sqrt(3), -4.0, 4.0)


class GaussianProcess:
    """A process whose hyperparameters are known."""

    def __init__(self, hyperparameters: FloatArray, inputs: int, slopes: int) -> None:
        """Take the logarithms of the hyperparameters, in the order of `_priors`."""
        scale, lengths, weights = np.split(np.exp(hyperparameters[:-1]), [1, 1 + inputs])
        assert len(weights) == slopes
        self._covariance = Covariance(float(scale[0]), lengths, weights)  # without the noise
        self.noise = math.exp(hyperparameters[-1] / 2)

    @classmethod
    def fitted(cls, inputs: FloatArray, values: FloatArray, slopes: int, noise: float | None = None) -> Self:
        """Return a process with the hyperparameters that fit (n, d) inputs and (n,) values best.

        The last inputs, as many as `slopes`, have the linear kernel, too. `noise` is the standard deviation of the
        noise if it is known.
        """
        regressor = _Regressor(_kernel(inputs.shape[1], slopes, noise), alpha=_JITTER, optimizer=_maximum)
        regressor.priors = _priors(inputs.shape[1], slopes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a hyperparameter at its bound is no fault
            regressor.fit(inputs, values)
        return cls(np.asarray(regressor.kernel_.theta), inputs.shape[1], slopes)

    def given(self, inputs: FloatArray, values: FloatArray) -> "Posterior":
        """Return the process given (n, d) inputs and (n,) values."""
        covariance = self._covariance(inputs, inputs) + (self.noise**2 + _JITTER) * np.eye(len(inputs))
        root = cholesky(covariance, lower=True, check_finite=False)
        weights = cho_solve((root, True), values, check_finite=False)
        inverse = solve_triangular(root, np.eye(len(root)), lower=True, check_finite=False)
        return Posterior(self._covariance, inputs, inverse, weights)


@dataclass(frozen=True)
class Covariance:
    """The kernel with known hyperparameters: scale and lengths of the Matern 5/2, weights of the linear part.

    scikit-learn's kernels, by which they are fitted, take twice the time for thousands of inputs.
    """

    scale: float
    lengths: FloatArray
    weights: FloatArray

    def __call__(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return the covariances, (n, m), of (n, d) and (m, d) inputs."""
        distances = cdist(left / self.lengths, right / self.lengths)
        distances *= math.sqrt(5)
        found: FloatArray = np.square(distances)
        found /= 3
        found += distances
        found += 1
        found *= np.exp(np.negative(distances, out=distances), out=distances)
        found *= self.scale
        slopes = len(self.weights)
        if slopes:
            found += (left[:, -slopes:] * self.weights) @ right[:, -slopes:].T
        return found

    def diag(self, inputs: FloatArray) -> FloatArray:
        """Return the variances, (n,), of (n, d) inputs."""
        slopes = len(self.weights)
        linear = inputs[:, -slopes:] ** 2 @ self.weights if slopes else 0.0
        variances: FloatArray = self.scale + linear + np.zeros(len(inputs))
        return variances


@dataclass(frozen=True)
class Posterior:
    """A process given values: Rasmussen and Williams 2006, algorithm 2.1 (doi:10.7551/mitpress/3206.001.0001)."""

    covariance: Covariance
    inputs: FloatArray
    inverse_root: FloatArray
    weights: FloatArray

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation without noise at (n, d) inputs, both (n,)."""
        # Not by `GaussianProcessRegressor.predict`, whose checks take longer, and whose deviation has noise.
        mean, variance = np.empty(len(inputs)), self.covariance.diag(inputs)
        for start in range(0, len(inputs), _CHUNK):
            rows = slice(start, start + _CHUNK)
            cross = self.covariance(inputs[rows], self.inputs)
            # The inverse costs a little once. A product with it takes half the time of solving for thousands of inputs.
            explained = self.inverse_root @ cross.T
            mean[rows] = cross @ self.weights
            variance[rows] -= np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(variance.clip(_LEAST_VARIANCE))

    def samples(self, inputs: FloatArray, normals: FloatArray) -> FloatArray:
        """Return joint samples without noise at (n, d) inputs, (k, n); `normals`, (k, n), are standard normal."""
        cross = self.covariance(inputs, self.inputs)
        explained = self.inverse_root @ cross.T
        covariance = self.covariance(inputs, inputs) - explained.T @ explained + _LEAST_VARIANCE * np.eye(len(inputs))
        # Not by Cholesky's factor: rounding can make a variance that is 0 negative.
        variances, directions = eigh(covariance, check_finite=False)
        sampled: FloatArray = cross @ self.weights + normals * np.sqrt(variances.clip(0.0)) @ directions.T
        return sampled


class _Regressor(GaussianProcessRegressor):  # type: ignore[misc]  # scikit-learn has no types
    """A regression whose hyperparameters have priors."""

    priors: tuple[_Prior, ...]

    def log_marginal_likelihood(
        self, theta: FloatArray | None = None, eval_gradient: bool = False, clone_kernel: bool = True
    ) -> Any:
        """Return the logarithm of the posterior density, up to a constant, and its gradient if wanted."""
        found = super().log_marginal_likelihood(theta, eval_gradient, clone_kernel)
        if theta is None:
            return found
        means = np.array([prior.mean for prior in self.priors])
        deviations = np.array([prior.deviation for prior in self.priors])
        distance = (theta - means) / deviations
        density = -0.5 * float(distance @ distance)
        return (found[0] + density, found[1] - distance / deviations) if eval_gradient else found + density


def _kernel(inputs: int, slopes: int, noise: float | None = None) -> Any:
    """Return the kernel; the logarithms of its hyperparameters have the order of `_priors`. A known noise is fixed."""
    length = _length(inputs)
    kernel = ConstantKernel(1.0, _SCALE.bounds) * Matern([0.7] * inputs, length.bounds, nu=2.5)
    if slopes:
        kernel += _Linear([math.exp(-0.7)] * slopes, _SLOPE.bounds)
    if noise is None:
        return kernel + WhiteKernel(math.exp(-4.0), _NOISE.bounds)
    return kernel + WhiteKernel(noise**2, (noise**2, noise**2))


def _priors(inputs: int, slopes: int) -> tuple[_Prior, ...]:
    return (_SCALE, *[_length(inputs)] * inputs, *[_SLOPE] * slopes, _NOISE)


def _maximum(objective: Callable[..., Any], start: FloatArray, bounds: FloatArray) -> tuple[FloatArray, float]:
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _MOST_STEPS})
    return found.x, found.fun


class _Linear(Kernel):  # type: ignore[misc]  # scikit-learn has no types
    """The dot product of the last columns of the inputs, each with a weight."""

    def __init__(self, weights: Any, weights_bounds: tuple[float, float]) -> None:
        self.weights = weights
        self.weights_bounds = weights_bounds

    @property
    def hyperparameter_weights(self) -> Hyperparameter:
        """The name, bounds and number of the weights, as scikit-learn asks for them."""
        return Hyperparameter("weights", "numeric", self.weights_bounds, len(self._row))

    @property
    def _row(self) -> FloatArray:
        return np.atleast_1d(self.weights)  # scikit-learn turns a single weight into a number

    def __call__(self, X: FloatArray, Y: FloatArray | None = None, eval_gradient: bool = False) -> Any:  # noqa: N803
        """Return the (n, m) products, and if wanted their (n, n, weights) gradient by the logarithms of the weights."""
        left = X[:, -len(self._row) :]
        right = left if Y is None else Y[:, -len(self._row) :]
        weighted = left * self._row
        products = weighted @ right.T
        return (products, np.einsum("ik,jk->ijk", weighted, left)) if eval_gradient else products

    def diag(self, X: FloatArray) -> FloatArray:  # noqa: N803
        """Return the products of rows with themselves, (n,)."""
        found: FloatArray = X[:, -len(self._row) :] ** 2 @ self._row
        return found

    def is_stationary(self) -> bool:
        """Return False: the products depend on more than differences."""
        return False
