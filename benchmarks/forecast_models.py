"""The Gaussian process of the forecast against BoTorch's: time of a fit and of a prediction, and the error.

Run:  python -m benchmarks.forecast_models [--repeats 5]
The function has 7 parameters, 2 losses of the rung before, and noise. Both fit the same kernel: Matern 5/2, and a
linear one on the last two inputs, with priors on the length scales. Writes benchmarks/results/forecast_models.json
with hardware, versions, date and command. Needs `pip install -e '.[test]'`.
"""

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.surroundings import command, surroundings
from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.gaussian_process import GaussianProcess

_RESULT = Path(__file__).parent / "results" / "forecast_models.json"
_INPUTS, _PLACES, _NOISE = 9, 5000, 0.05
# Fit on inputs and values; return a function that predicts the means at places.
Model = Callable[[FloatArray, FloatArray], Callable[[FloatArray], FloatArray]]


def main() -> None:
    """Time both, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[20, 50, 100, 200])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = {str(trials): _figures(trials, arguments.repeats) for trials in arguments.trials}
    versions = ("scikit-learn", "botorch", "gpytorch", "torch")
    result = {"figures": figures, "repeats": arguments.repeats, "command": command("forecast_models")}
    text = json.dumps({**result, **surroundings(versions)}, indent=2)
    _RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


def _figures(trials: int, repeats: int) -> dict[str, Any]:
    models: dict[str, Model] = {"scikit-learn": _scikit_learn, "botorch": _botorch}
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in models}
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        inputs, places = rng.random((trials, _INPUTS)), rng.random((_PLACES, _INPUTS))
        measured = _function(inputs) + rng.normal(0.0, _NOISE, trials)
        mean, spread = measured.mean(), measured.std()
        for name, model in models.items():
            start = time.perf_counter()
            predict = model(inputs, (measured - mean) / spread)
            fitted = time.perf_counter()
            predicted = predict(places) * spread + mean
            end = time.perf_counter()
            error = float(np.sqrt(((predicted - _function(places)) ** 2).mean()))
            found[name].append((fitted - start, end - fitted, error))
    names = ("fit_seconds", "predict_seconds", "error")
    medians = {name: np.median(rows, axis=0) for name, rows in found.items()}
    shown = {name: dict(zip(names, np.round(row, 4).tolist(), strict=True)) for name, row in medians.items()}
    ratios = (medians["botorch"] / medians["scikit-learn"])[:2]
    return {**shown, "botorch_by_scikit_learn": dict(zip(names, np.round(ratios, 1).tolist(), strict=False))}


def _function(inputs: FloatArray) -> FloatArray:
    return np.asarray(np.sin(3 * inputs[:, 0]) + 2 * inputs[:, 1] * inputs[:, -1] + inputs[:, -2])


def _scikit_learn(inputs: FloatArray, values: FloatArray) -> Callable[[FloatArray], FloatArray]:
    posterior = GaussianProcess.fitted(inputs, values, slopes=2).given(inputs, values)
    return lambda places: posterior.predict(places)[0]


def _botorch(inputs: FloatArray, values: FloatArray) -> Callable[[FloatArray], FloatArray]:
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.kernels import LinearKernel, MaternKernel, ScaleKernel
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior

    prior = LogNormalPrior(math.sqrt(2) + math.log(_INPUTS) / 2, math.sqrt(3))
    matern = ScaleKernel(MaternKernel(2.5, ard_num_dims=_INPUTS, lengthscale_prior=prior))
    linear = [ScaleKernel(LinearKernel(active_dims=[_INPUTS - place])) for place in (2, 1)]
    kernel = matern + linear[0] + linear[1]
    model = SingleTaskGP(torch.tensor(inputs), torch.tensor(values)[:, None], covar_module=kernel)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))

    def predict(places: FloatArray) -> FloatArray:
        with torch.no_grad():
            posterior = model.posterior(torch.tensor(places)[:, None])
            return np.asarray((posterior.mean + 0 * posterior.variance).squeeze())

    return predict


if __name__ == "__main__":
    main()
