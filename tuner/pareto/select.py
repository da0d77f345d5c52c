"""Choices from a Pareto front: its knee, the rows near the best, and the row that misses minimums by the least."""

import numpy as np

from tuner.pareto.dominance import IntArray
from tuner.pareto.objectives import FloatArray, scale_to_unit, spans

# Scaled losses of a straight front sum to 1 but for this.
_ROUNDING = 1e-9


def knee(losses: FloatArray) -> int | None:
    """Return the row of a front, an (n, m) loss matrix (lower is better), where its trade-off bends most, or None.

    With every objective scaled to [0, 1] over the front, it is the row farthest on the ideal point's side
    of the hyperplane through the unit points, which for two objectives is the line through the front's two
    extremes (Das 1999, doi:10.1007/BF01195985). The distance to it falls with the sum of the scaled losses,
    so this is the row with the smallest sum, and of equal ones the first.

    There is no knee among fewer than three different rows, nor on a front in two objectives that nowhere bends towards
    the ideal point: its ends, whose sums are 1, are no compromise.
    """
    if len(losses) < 3 or len(np.unique(losses, axis=0)) < 3:
        return None
    sums = scale_to_unit(losses).sum(axis=1)
    best = int(sums.argmin())
    two_vary = np.count_nonzero(np.ptp(losses, axis=0)) == 2
    return None if two_vary and sums[best] > 1 - _ROUNDING else best


def within(losses: FloatArray, tolerance: float) -> IntArray:
    """Return the indices of an (n,) loss vector whose losses are at most `tolerance` above the smallest.

    Differences of accuracies are not exact in floating point: 0.97 - 0.96 is a little more than 0.01, but
    counts as 0.01. The slack of 1e-9 is far below one image of any data set.
    """
    return np.flatnonzero(losses <= losses.min() + tolerance + 1e-9)


def least_short(values: FloatArray, minimums: FloatArray) -> int:
    """Return the row of (n, k) values that misses the (k,) minimums by the least, each in units of its extent.

    Without an extent, as for a single row, the units of the values count. Of equal rows the first is returned.
    """
    lacking = np.maximum(minimums - values, 0.0) / spans(values)
    return int(lacking.sum(axis=1).argmin())
