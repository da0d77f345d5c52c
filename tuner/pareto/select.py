"""Choosing from a Pareto front: its knee, what meets minimums or lies near the best, and what comes nearest."""

import numpy as np

from tuner.pareto.dominance import IntArray
from tuner.pareto.objectives import FloatArray
from tuner.pareto.scaling import scale_to_unit

# Scaled losses of a straight front sum to 1 but for this.
_ROUNDING = 1e-9


def knee(losses: FloatArray) -> int | None:
    """Find the row of a front, an (n, m) loss matrix (lower is better), where its trade-off bends most, if it does.

    With every objective scaled to [0, 1] over the front, it is the row farthest on the ideal point's side
    of the hyperplane through the unit points, which for two objectives is the line through the front's two
    extremes (Das 1999, doi:10.1007/BF01195985). The distance to it falls with the sum of the scaled losses,
    so the row with the smallest sum is taken, and of equal ones the first.

    There is none among fewer than three different rows, nor on a front in two objectives that nowhere bends towards
    the ideal: its ends, whose sums are 1, are no compromise.
    """
    if len(losses) < 3 or len(np.unique(losses, axis=0)) < 3:
        return None
    sums = scale_to_unit(losses).sum(axis=1)
    best = int(sums.argmin())
    two_vary = np.count_nonzero(np.ptp(losses, axis=0)) == 2
    return None if two_vary and sums[best] > 1 - _ROUNDING else best


def within(losses: FloatArray, tolerance: float) -> IntArray:
    """Give the rows of an (n,) loss vector that lie at most `tolerance` above the smallest, as indices.

    Differences of accuracies are not exact in floating point: 0.97 - 0.96 is a little more than 0.01, and counts
    as no more. The slack of 1e-9 is far below one image of any data set.
    """
    return np.flatnonzero(losses <= losses.min() + tolerance + 1e-9)


def least_short(values: FloatArray, minimums: FloatArray) -> int:
    """Find the row of (n, k) values that misses its (k,) minimums by the least, each in units of its own extent.

    Without an extent, which a single row has not, the values' own units count; of equal rows the first is taken.
    """
    extent = np.ptp(values, axis=0)
    lacking = np.maximum(minimums - values, 0.0) / np.where(extent > 0, extent, 1.0)
    return int(lacking.sum(axis=1).argmin())
