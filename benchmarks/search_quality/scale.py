"""The scale on which a task's losses are compared, taken from the task's own front."""

from typing import NamedTuple

import numpy as np

from benchmarks.search_quality.tasks import Task, random_points
from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray

_SAMPLE = 1000


class Scale(NamedTuple):
    """A linear scale of a task's losses: `low` becomes 0 and `high` becomes 1, both (2,)."""

    low: FloatArray
    high: FloatArray


def scale_of(task: Task) -> Scale:
    """Return the best and the worst value of each loss on the front of 1,000 random points."""
    final = np.array([task.curve(point)[-1] for point in random_points(task, _SAMPLE, seed=12345)])
    front = final[is_non_dominated(final)]
    return Scale(front.min(axis=0), front.max(axis=0))
