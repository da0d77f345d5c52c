"""The tasks of the simulated searches: parameters, learning curves of two losses, and how long an epoch takes."""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.pareto.objectives import FloatArray

Parameters = Mapping[str, Any]
LOSSES = ("first", "second")


@dataclass(frozen=True)
class Task:
    """A problem with learning curves.

    `curve` returns the two losses of a point, (epochs, 2), lower is better; `seconds` returns the simulated time of one
    of its epochs. `parameters` are those of a space file, `grace_epochs` and `reduction_factor` those of its rungs.
    """

    name: str
    parameters: dict[str, Any]
    epochs: int
    grace_epochs: int
    curve: Callable[[Parameters], FloatArray]
    seconds: Callable[[Parameters], float]
    reduction_factor: int = 3


def zdt(name: str, shape: Callable[[float, float], float], *, distance: float = 9.0, misleading: float = 0.0) -> Task:
    """Return a ZDT problem (Zitzler et al. 2000, doi:10.1162/106365600568202) with 5 parameters and 27 epochs.

    The distance g to the front shrinks to its final value during the training, at a speed that depends on the point.
    With `misleading` > 0 points near the front learn more slowly, so that early losses mislead.
    """
    epochs, dimensions = 27, 5

    def curve(point: Parameters) -> FloatArray:
        x = [point[f"x{i}"] for i in range(dimensions)]
        final = distance * sum(x[1:]) / (dimensions - 1)
        speed = 0.15 + 0.35 * x[1] + misleading * final / distance
        epoch = np.arange(1, epochs + 1)
        unlearnt = np.exp(-speed * epoch) - math.exp(-speed * epochs)
        g = 1.0 + final + 4.0 * unlearnt
        noise = noise_of(point, name).normal(0.0, 0.02, (epochs, 2))
        first = x[0] + 0.5 * unlearnt
        second = np.array([value * shape(x[0], value) for value in g])
        return np.stack([first, second], axis=1) + noise

    parameters = {f"x{i}": {"type": "float", "low": 0.0, "high": 1.0} for i in range(dimensions)}
    return Task(name, parameters, epochs, 3, curve, steady)


def trade_off() -> Task:
    """Return a task like adversarial training: lambda trades one accuracy for the other, the rest is quality."""
    epochs = 36

    def curve(point: Parameters) -> FloatArray:
        share = math.log(point["lambda"] / 0.1) / math.log(300)
        rate = math.log10(point["learning_rate"]) + 3
        quality = 1 - 0.3 * (point["alpha"] - 0.3) ** 2 - 0.25 * (rate - 1.2) ** 2 - 2 / point["bottleneck"]
        epoch = np.arange(1, epochs + 1)
        # A high learning rate is ahead at first, and robust accuracy grows more slowly than natural accuracy.
        natural = quality * (1 - 0.5 * share**2) * (1 - np.exp(-epoch * (0.12 + 0.1 * rate)))
        robust = quality * (0.2 + 0.4 * math.sqrt(share)) * (1 - np.exp(-epoch * (0.06 + 0.05 * rate)))
        noise = noise_of(point, "trade_off").normal(0.0, 0.004, (epochs, 2))
        return 1 - np.stack([natural, robust], axis=1) + noise

    parameters = {
        "alpha": {"type": "float", "low": 0.0, "high": 1.0},
        "lambda": {"type": "float", "low": 0.1, "high": 30.0, "log": True},
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1.0, "log": True},
        "bottleneck": {"type": "categorical", "choices": [8, 16, 32, 64, 128]},
    }
    return Task("trade_off", parameters, epochs, 4, curve, steady)


def analytic_tasks() -> list[Task]:
    """Return the tasks that need no data."""
    return [
        trade_off(),
        zdt("zdt1", lambda f, g: 1 - math.sqrt(f / g)),
        zdt("zdt2", lambda f, g: 1 - (f / g) ** 2),
        zdt("zdt1_misleading", lambda f, g: 1 - math.sqrt(f / g), distance=1.5, misleading=1.0),
    ]


def random_points(task: Task, count: int, seed: int) -> Sequence[dict[str, Any]]:
    """Draw points of a task uniformly, or log-uniformly where a parameter says so."""
    rng = np.random.default_rng(seed)
    return [{name: _draw(spec, rng) for name, spec in task.parameters.items()} for _ in range(count)]


def _draw(spec: Mapping[str, Any], rng: np.random.Generator) -> Any:
    if spec["type"] == "categorical":
        return spec["choices"][rng.integers(len(spec["choices"]))]
    low, high = spec["low"], spec["high"]
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if spec.get("log") else rng.uniform(low, high)
    return round(value) if spec["type"] == "int" else value


def steady(_: Parameters) -> float:
    """Return one second for an epoch of any point."""
    return 1.0


def noise_of(point: Parameters, salt: str) -> np.random.Generator:
    """Return the generator of a point's noise, the same for every method."""
    return np.random.default_rng(zlib.crc32(f"{salt} {sorted(point.items())}".encode()))
