"""From full trainings to figures: hypervolume against epochs spent, ranks, and epochs to a target."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.search_quality.simulate import FullTraining
from benchmarks.search_quality.tasks import Task, random_points
from tuner.front.dominance import is_non_dominated
from tuner.front.growth import front_growth
from tuner.front.hypervolume import hypervolume
from tuner.objectives import FloatArray

_SAMPLE = 1000
_REFERENCE = np.array([1.1, 1.1])


class Scale(NamedTuple):
    """How losses of a task are scaled: linearly, so that `low` becomes 0 and `high` 1, both (2,)."""

    low: FloatArray
    high: FloatArray


def scale_of(task: Task) -> Scale:
    """Scale by the front of 1,000 random points: its best and its worst value of each loss."""
    final = np.array([task.curve(point)[-1] for point in random_points(task, _SAMPLE, seed=12345)])
    front = final[is_non_dominated(final)]
    return Scale(front.min(axis=0), front.max(axis=0))


def scaled(trainings: Sequence[FullTraining], scale: Scale) -> FloatArray:
    """Give the losses of full trainings, (n, 2), on the task's scale."""
    losses = np.array([training.losses for training in trainings], dtype=np.float64).reshape(len(trainings), 2)
    result: FloatArray = (losses - scale.low) / (scale.high - scale.low)
    return result


def volumes_at(trainings: Sequence[FullTraining], scale: Scale, spent: Sequence[int]) -> list[float]:
    """Give the hypervolume of the front once so many epochs were spent, with (1.1, 1.1) as the reference point."""
    grown = front_growth(scaled(trainings, scale), _REFERENCE).hypervolumes
    ends = [training.spent for training in trainings]
    counts = np.searchsorted(ends, spent, side="right")
    return [float(grown[count - 1]) if count else 0.0 for count in counts]


def best_volume(all_trainings: Sequence[FullTraining], scale: Scale) -> float:
    """Give the hypervolume of everything that was found by anyone: the best known front."""
    return hypervolume(scaled(all_trainings, scale), _REFERENCE)


def epochs_to(trainings: Sequence[FullTraining], scale: Scale, target: float) -> float:
    """Give the epochs spent when the hypervolume first reached `target`; infinite if it never did."""
    grown = front_growth(scaled(trainings, scale), _REFERENCE).hypervolumes
    reached = np.flatnonzero(grown >= target)
    return float(trainings[int(reached[0])].spent) if len(reached) else float("inf")


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Give the mean of n values and its standard error, sd / sqrt(n)."""
    array = np.array(values)
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else 0.0
