"""The line of a front: the boundary of what two objectives attain, or the best value of one objective so far."""

import numpy as np

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray, as_losses, within_limits
from tuner.report.analysis.front_data import FrontData
from tuner.report.text import to_shown_unit

_Pair = tuple[float, float]


def staircase(data: FrontData, x_limits: _Pair, y_limits: _Pair) -> tuple[_Pair, ...]:
    """Return the line of the first two objectives up to the edges of the figure, or that of a single objective."""
    if len(data.objectives) == 1:
        return _best_so_far(data, x_limits[1])
    shown = data.objectives[:2]
    signs = np.array([-1.0 if objective.maximise else 1.0 for objective in shown])
    units = np.array([to_shown_unit(objective.name, 1.0) for objective in shown])
    losses = as_losses([point.metrics for point in data.front], shown) * units
    worst = np.maximum(signs * [x_limits[0], y_limits[0]], signs * [x_limits[1], y_limits[1]])
    return tuple((x, y) for x, y in (signs * attainment_staircase(losses, worst)).tolist())


def attainment_staircase(losses: FloatArray, worst: FloatArray) -> FloatArray:
    """Return the corners of the boundary of what the rows of an (n, 2) loss matrix attain, as (k, 2).

    A point is attained if some row is at least as good in both objectives. So between two neighbours on the front the
    boundary goes through the corner with the worse value of each objective. Beyond the ends of the front it goes
    straight to `worst`, (2,).
    """
    front = np.unique(losses[is_non_dominated(losses)], axis=0)
    if len(front) == 0:
        return front
    corners = np.maximum(front[:-1], front[1:])
    vertices = np.empty((2 * len(front) - 1, 2))
    vertices[0::2], vertices[1::2] = front, corners
    return np.vstack([[front[0, 0], worst[1]], vertices, [worst[0], front[-1, 1]]])


def _best_so_far(data: FrontData, end: float) -> tuple[_Pair, ...]:
    """Return the steps of the best value of a single objective over the numbers of the completed trials."""
    (objective,) = data.objectives
    allowed = [point for point in data.candidates if within_limits(point.metrics, data.constraints)]
    losses = as_losses([point.metrics for point in allowed], data.objectives)[:, 0]
    sign, unit = (-1.0 if objective.maximise else 1.0), to_shown_unit(objective.name, 1.0)
    best = (sign * unit * np.minimum.accumulate(losses)).tolist()
    numbers = [*(float(point.number) for point in allowed[1:]), end]
    return tuple(
        place
        for point, value, following in zip(allowed, best, numbers, strict=False)
        for place in ((float(point.number), value), (following, value))
    )
