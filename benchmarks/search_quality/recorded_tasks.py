"""Tasks made of recorded learning curves of real trainings (`benchmarks.search_quality.record`).

Their rungs are those of the recorded space.
"""

import itertools
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.recordings import Recording
from benchmarks.search_quality.tasks import Parameters, Task, steady
from tuner.pareto.objectives import FloatArray

_LOGARITHMIC = {"beta", "lambda", "bottleneck"}


def recorded_task(recording: Recording) -> Task:
    """Return the task: 1 - natural and 1 - PGD accuracy by epoch, interpolated between the recorded points."""
    grid, curves = _recorded(recording.file)
    names = list(grid)
    axes = [_axis(name, values) for name, values in grid.items()]

    def curve(point: Parameters) -> FloatArray:
        weights = [_weights(axis, _position(name, point[name])) for name, axis in zip(names, axes, strict=True)]
        corners = itertools.product(*weights)
        mixed = sum(math.prod(w for _, w in corner) * curves[tuple(i for i, _ in corner)] for corner in corners)
        return 1.0 - np.asarray(mixed)

    parameters = {name: _parameter(name, values) for name, values in grid.items()}
    stopping = recording.loaded_space().early_stopping
    epochs = curves.shape[-2]
    return Task(recording.name, parameters, epochs, stopping.grace_epochs, curve, steady, stopping.reduction_factor)


def _parameter(name: str, values: Sequence[float]) -> dict[str, Any]:
    kind = "int" if name == "bottleneck" else "float"
    return {"type": kind, "low": values[0], "high": values[-1], "log": name in _LOGARITHMIC}


@lru_cache
def _recorded(file: Path) -> tuple[dict[str, list[float]], FloatArray]:
    """Return the grid, and the accuracies as (values of each parameter ..., epochs, 2)."""
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
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
