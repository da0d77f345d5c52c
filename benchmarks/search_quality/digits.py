"""A task made of recorded learning curves of the digits trainer (`benchmarks.search_quality.record_digits`).

Its rungs are those of the shipped space, `digits_tradeoff`.
"""

import itertools
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.search_quality.record_digits import RECORD
from benchmarks.search_quality.tasks import Parameters, Task, steady
from tuner.pareto.objectives import FloatArray
from tuner.space import load_space

_LOGARITHMIC = {"lambda", "bottleneck"}


def digits_task() -> Task:
    """Return the task: 1 - natural and 1 - PGD accuracy by epoch, interpolated between the recorded points."""
    grid, curves = _recorded()
    names = list(grid)
    axes = [_axis(name, values) for name, values in grid.items()]

    def curve(point: Parameters) -> FloatArray:
        weights = [_weights(axis, _position(name, point[name])) for name, axis in zip(names, axes, strict=True)]
        corners = itertools.product(*weights)
        mixed = sum(math.prod(w for _, w in corner) * curves[tuple(i for i, _ in corner)] for corner in corners)
        return 1.0 - np.asarray(mixed)

    parameters = {
        "alpha": {"type": "float", "low": grid["alpha"][0], "high": grid["alpha"][-1]},
        "lambda": {"type": "float", "low": grid["lambda"][0], "high": grid["lambda"][-1], "log": True},
        "bottleneck": {"type": "int", "low": grid["bottleneck"][0], "high": grid["bottleneck"][-1], "log": True},
    }
    stopping = load_space("digits_tradeoff").early_stopping
    epochs = curves.shape[-2]
    return Task("digits", parameters, epochs, stopping.grace_epochs, curve, steady, stopping.reduction_factor)


@lru_cache(maxsize=1)
def _recorded() -> tuple[dict[str, list[float]], FloatArray]:
    """Return the grid, and the accuracies as (values of each parameter ..., epochs, 2)."""
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    grid: dict[str, list[float]] = record["grid"]
    curves = np.array(record["curves"])
    return grid, curves.reshape(*(len(values) for values in grid.values()), *curves.shape[1:])


def _axis(name: str, values: Sequence[float]) -> list[float]:
    return [_position(name, value) for value in values]


def _position(name: str, value: float) -> float:
    return math.log(value) if name in _LOGARITHMIC else value


def _weights(axis: Sequence[float], position: float) -> list[tuple[int, float]]:
    """Return the indices of both neighbours on an axis with equal or unequal steps, and their linear weights."""
    upper = min(max(int(np.searchsorted(axis, position)), 1), len(axis) - 1)
    share = (position - axis[upper - 1]) / (axis[upper] - axis[upper - 1])
    return [(upper - 1, 1 - share), (upper, share)]
