"""The search for the best point: random points, points near the front, and then points near the best of them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.unit_cube import UnitCube

# The distance to a point of the front, in each parameter that is moved, as a share of its range.
_WIDTHS = (0.1, 0.03)
# The share of the parameters that are moved.
_MOVED = 0.5
_KEPT_BEST = 25
# How the best points are refined: that many points near each of them, at these distances one after the other.
_EACH = 8
_STEPS = (0.04, 0.015)

Worth = Callable[[FloatArray], FloatArray]


def candidates(
    cube: UnitCube,
    front: FloatArray,
    rng: np.random.Generator,
    count: int,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> FloatArray:
    """Return about `count` points as (n, d) inputs: half of them random, half near the (f, d) points of a front."""
    random = rng.random((count // 2, cube.width))
    near = [_moved(cube, _drawn(front, count // 4, rng), width, rng) for width in _WIDTHS]
    return cube.nearest(np.vstack([random, *near]), fixed)


def narrowed(rows: FloatArray, *stages: tuple[Worth, int]) -> FloatArray:
    """Return the best of some (n, d) inputs, the best first: each stage judges what the one before has kept."""
    for worth, kept in stages:
        rows = rows[np.argsort(-worth(rows), kind="stable")[:kept]]
    return rows


def best_points(
    cube: UnitCube,
    start: FloatArray,
    worth: Worth,
    rng: np.random.Generator,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> FloatArray:
    """Return the best points, as (n, d) inputs, of (s, d) candidates and of points near the best of those."""
    rows, values = _best(start, worth(start))
    for width in _STEPS:
        near = cube.nearest(_moved(cube, np.repeat(rows, _EACH, axis=0), width, rng), fixed)
        rows, values = _best(np.vstack([rows, near]), np.concatenate([values, worth(near)]))
    return rows


def _best(rows: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(-values, kind="stable")[:_KEPT_BEST]
    return rows[order], values[order]


def _drawn(rows: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    drawn: FloatArray = rows[rng.integers(len(rows), size=count)]
    return drawn


def _moved(cube: UnitCube, rows: FloatArray, width: float, rng: np.random.Generator) -> FloatArray:
    """Return rows of which some columns are moved a little, and one parameter in every second row is drawn anew."""
    little = rng.normal(0.0, width, rows.shape) * (rng.random(rows.shape) < _MOVED)
    anew = rng.random((len(rows), cube.parameters)) < 0.5 / cube.parameters
    return np.where(anew[:, cube.parameter_of], rng.random(rows.shape), rows + little)
