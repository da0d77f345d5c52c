"""Choosing from a Pareto front: its knee, what meets minimums or lies near the best, and what comes nearest."""

from collections.abc import Mapping

import numpy as np

from tuner.front.dominance import IntArray
from tuner.front.scaling import scale_to_unit
from tuner.objectives import FloatArray


def knee(losses: FloatArray) -> int:
    """Find the row of a front, an (n, m) loss matrix (lower is better), where its trade-off bends most.

    With every objective scaled to [0, 1] over the front, it is the row farthest on the ideal point's side
    of the hyperplane through the unit points, which for two objectives is the line through the front's two
    extremes (Das 1999, doi:10.1007/BF01195985). The distance to it falls with the sum of the scaled losses,
    so the row with the smallest sum is taken, and of equal ones the first. Hence a front that bends away
    from the ideal everywhere, or has fewer than three rows, gives one of its ends.

    Raises:
        ValueError: if there are no rows.

    """
    if len(losses) == 0:
        raise ValueError("The front has 0 rows, but a knee needs at least 1: no trial has completed yet.")
    return int(scale_to_unit(losses).sum(axis=1).argmin())


def meets(metrics: Mapping[str, float], minimums: Mapping[str, float]) -> bool:
    """Tell whether every metric named in `minimums` is at least its minimum; a NaN is not.

    Raises:
        ValueError: if `minimums` names a metric that `metrics` lacks.

    """
    for name in minimums:
        if name not in metrics:
            raise ValueError(
                f"The minimum is set for {name!r}, but must be set for one of: {', '.join(sorted(metrics))}."
            )
    return all(metrics[name] >= minimum for name, minimum in minimums.items())


def within(losses: FloatArray, tolerance: float) -> IntArray:
    """Give the rows of an (n,) loss vector that lie at most `tolerance` above the smallest, as indices.

    Differences of accuracies are not exact in floating point: 0.97 - 0.96 is a little more than 0.01, and counts
    as no more. The slack of 1e-9 is far below one image of any data set.
    """
    return np.flatnonzero(losses <= losses.min() + tolerance + 1e-9)


def shortfall(metrics: Mapping[str, float], minimums: Mapping[str, float]) -> dict[str, float]:
    """Give by how much each metric misses its minimum, without those that meet theirs."""
    return {name: value - metrics[name] for name, value in minimums.items() if metrics[name] < value}


def least_short(values: FloatArray, minimums: FloatArray) -> int:
    """Find the row of (n, k) values that misses its (k,) minimums by the least, each in units of its own extent.

    Without an extent, which a single row has not, the values' own units count; of equal rows the first is taken.
    """
    extent = np.ptp(values, axis=0)
    lacking = np.maximum(minimums - values, 0.0) / np.where(extent > 0, extent, 1.0)
    return int(lacking.sum(axis=1).argmin())
