"""The scale on which a task's losses are compared: its own front's."""

from typing import NamedTuple

import numpy as np

from benchmarks.search_quality.tasks import Task, random_points
from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray

_SAMPLE = 1000


class Scale(NamedTuple):
    """How losses of a task are scaled: linearly, so that `low` becomes 0 and `high` 1, both (2,)."""

    low: FloatArray
    high: FloatArray


def scale_of(task: Task) -> Scale:
    """Scale by the front of 1,000 random points: its best and its worst value of each loss."""
    final = np.array([task.curve(point)[-1] for point in random_points(task, _SAMPLE, seed=12345)])
    front = final[is_non_dominated(final)]
    return Scale(front.min(axis=0), front.max(axis=0))
