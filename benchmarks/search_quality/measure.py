"""Compute figures from trainings: hypervolume by epochs spent, and epochs to a target."""

from collections.abc import Sequence

import numpy as np

from benchmarks.search_quality.scale import Scale
from benchmarks.search_quality.simulate import Training
from tuner.pareto.hypervolume import front_growth, hypervolume
from tuner.pareto.objectives import FloatArray

_REFERENCE = np.array([1.1, 1.1])


def full(trainings: Sequence[Training]) -> list[Training]:
    """Return the trainings over the whole budget; only they count for the front."""
    return [training for training in trainings if training.full]


def scaled(trainings: Sequence[Training], scale: Scale) -> FloatArray:
    """Return the losses of trainings, (n, 2), on the task's scale."""
    losses = np.array([training.losses for training in trainings], dtype=np.float64).reshape(len(trainings), 2)
    result: FloatArray = (losses - scale.low) / (scale.high - scale.low)
    return result


def volumes_at(trainings: Sequence[Training], scale: Scale, spent: Sequence[int]) -> list[float]:
    """Return the hypervolume of the front after each number of epochs; the reference point is (1.1, 1.1)."""
    grown = front_growth(scaled(trainings, scale), _REFERENCE).hypervolumes
    ends = [training.spent for training in trainings]
    counts = np.searchsorted(ends, spent, side="right")
    return [float(grown[count - 1]) if count else 0.0 for count in counts]


def best_volume(all_trainings: Sequence[Training], scale: Scale) -> float:
    """Return the hypervolume of the front of all trainings; of all methods' trainings it is the best known front."""
    return hypervolume(scaled(all_trainings, scale), _REFERENCE)


def epochs_to(trainings: Sequence[Training], scale: Scale, target: float) -> float:
    """Return the epochs spent when the hypervolume first reached `target`; infinity if it never did."""
    grown = front_growth(scaled(trainings, scale), _REFERENCE).hypervolumes
    reached = np.flatnonzero(grown >= target)
    return float(trainings[int(reached[0])].spent) if len(reached) else float("inf")


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of n values and its standard error, sd / sqrt(n)."""
    array = np.array(values)
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else 0.0
