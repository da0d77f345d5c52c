"""A Gaussian process whose noise is the mean over what the trials leave open, and not the one that fits them best.

A few trials are explained by much noise and a smooth function nearly as well as by little noise and a rough one. The
best fit jumps from one explanation to the other when a trial is added; the posterior mean of the noise does not. The
other hyperparameters are integrated out for each of some values of the noise by Laplace's method (Rasmussen and
Williams 2006, section 5.5 and equation 3.32, doi:10.7551/mitpress/3206.001.0001; the grid is that of Rue et al. 2009,
doi:10.1111/j.1467-9868.2008.00700.x).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.gaussian_process import Density, GaussianProcess

# Logarithms of the variance of the noise; that of the values is about 1.
_GRID = np.linspace(-9.0, 0.0, 10)
_MOST_STEPS = 40
# The step of differences of gradients, and the least curvature: that of the priors is 1 / 3 and more.
_STEP = 1e-3
_LEAST_CURVATURE = 0.1


class _Peak(NamedTuple):
    """The best hyperparameters, noise included, for one noise, and the logarithm of the noise's density there."""

    hyperparameters: FloatArray
    density: float


def with_mean_noise(inputs: FloatArray, values: FloatArray) -> GaussianProcess:
    """Return a process for (n, d) inputs and (n,) values, of which the noise is the posterior mean (of its logarithm).

    The other hyperparameters are those that fit best with this noise.
    """
    density = Density(inputs, values)
    peaks, start = list[_Peak](), density.start
    for noise in _GRID:
        peaks.append(_peak(density, start, float(noise)))
        start = peaks[-1].hyperparameters
    heights = np.array([peak.density for peak in peaks])
    weights = np.exp(heights - heights.max())
    mean = float(weights @ _GRID / weights.sum())
    nearest = peaks[int(np.abs(_GRID - mean).argmin())]
    return GaussianProcess(_best(density, nearest.hyperparameters, mean), inputs.shape[1], 0)


def _peak(density: Density, start: FloatArray, noise: float) -> _Peak:
    """Return the density of a noise with the other hyperparameters integrated out, as if it were normal in them."""
    best = _best(density, start, noise)
    others = len(best) - 1
    curvature = np.empty((others, others))
    for place in range(others):
        step = np.zeros(len(best))
        step[place] = _STEP
        (_, above), (_, below) = density(best + step), density(best - step)
        curvature[place] = (below - above)[:-1] / (2 * _STEP)
    eigenvalues = np.linalg.eigvalsh((curvature + curvature.T) / 2)
    return _Peak(best, density(best)[0] - 0.5 * float(np.log(eigenvalues.clip(_LEAST_CURVATURE)).sum()))


def _best(density: Density, start: FloatArray, noise: float) -> FloatArray:
    """Return the hyperparameters of the largest density with this noise."""

    def loss(others: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = density(np.append(others, noise))
        return -value, -gradient[:-1]

    steps = {"maxiter": _MOST_STEPS}
    found = minimize(loss, start[:-1], jac=True, method="L-BFGS-B", bounds=density.bounds[:-1], options=steps)
    return np.append(found.x, noise)
