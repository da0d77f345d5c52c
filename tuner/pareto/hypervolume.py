"""Exact hypervolume: the volume of objective space that loss rows dominate, up to a reference point, and its growth.

Zitzler and Thiele 1999, doi:10.1109/4235.797969. Two objectives need one sweep; more objectives are cut into slices.
"""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from tuner.pareto.dominance import IntArray, check_losses, distinct_rows, is_non_dominated
from tuner.pareto.objectives import FloatArray


def hypervolume(losses: FloatArray, reference: FloatArray) -> float:
    """Return the volume that the rows of an (n, m) loss matrix (lower is better) dominate below `reference`, (m,).

    Rows that are not better than the reference in every objective contribute nothing. For two maximised
    accuracies in [0, 1] the reference is (0, 0), and the value lies in [0, 1].
    The time grows with n log n for two objectives, and with a factor n for each further objective.
    Raise ValueError if the shapes do not match, or if a loss is NaN.
    """
    rows = distinct_rows(losses).rows
    if reference.shape != rows.shape[1:]:
        raise ValueError(
            f"The reference point has shape {reference.shape}, but must be {rows.shape[1:]}: "
            "one value for each objective of the losses."
        )
    return _volume(rows[(rows < reference).all(axis=1)], reference)


def _volume(rows: FloatArray, reference: FloatArray) -> float:
    """Return the volume of rows that are all better than the reference."""
    if len(rows) == 0:
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - rows.min())
    front = rows[is_non_dominated(rows)]
    return _area(front, reference) if len(reference) == 2 else _sliced_volume(front, reference)


def _area(front: FloatArray, reference: FloatArray) -> float:
    """Return the sum of the rectangles between neighbours, from the smallest first loss to the reference."""
    front = front[np.argsort(front[:, 0])]
    widths = np.diff(front[:, 0], append=reference[0])  # 0 between equal rows
    return float(widths @ (reference[1] - front[:, 1]))


def _sliced_volume(front: FloatArray, reference: FloatArray) -> float:
    """Return the sum over slices along the last objective: in a slice, the rows that reach it dominate one area."""
    front = front[np.argsort(front[:, -1])]
    depths = np.diff(front[:, -1], append=reference[-1])
    return sum(
        float(depth) * _volume(front[:reached, :-1], reference[:-1])
        for reached, depth in enumerate(depths, start=1)
        if depth > 0
    )


class FrontGrowth(NamedTuple):
    """The hypervolume and the number of non-dominated rows of the first k + 1 rows, for each k; both (n,)."""

    hypervolumes: FloatArray
    sizes: IntArray


def front_growth(losses: FloatArray, reference: FloatArray) -> FrontGrowth:
    """Return the growth of the front of an (n, m) loss matrix (lower is better), row by row, for `reference`, (m,).

    All of several equal non-dominated rows count. Only what each row adds is computed: two objectives take well under
    a second for 10,000 rows, however large the front. Raise ValueError if a loss is NaN.
    """
    check_losses(losses)
    front = _Staircase(reference) if losses.shape[1] == 2 else _Archive(reference)
    gains = np.empty(len(losses))
    sizes = np.empty(len(losses), dtype=np.int64)
    for index, row in enumerate(losses):
        gains[index] = front.add(row)
        sizes[index] = front.size
    return FrontGrowth(np.cumsum(gains), sizes)


class _Archive:
    """A growing front of any number of objectives."""

    def __init__(self, reference: FloatArray) -> None:
        self._reference = reference
        self._front = np.empty((0, len(reference)))

    @property
    def size(self) -> int:
        return len(self._front)

    def add(self, row: FloatArray) -> float:
        """Add a row and return the hypervolume that it adds.

        This is the volume of the row's box minus the part that the front covers, the hypervolume of the front moved
        into the box (While et al. 2012, doi:10.1109/TEVC.2010.2077298).
        """
        at_most = (self._front <= row).all(axis=1)
        if at_most.any() and (self._front[at_most] != row).any(axis=1).any():
            return 0.0
        box = float(np.prod(np.maximum(self._reference - row, 0.0)))
        gain = box - hypervolume(np.maximum(self._front, row), self._reference)
        dominated = (row <= self._front).all(axis=1) & (row != self._front).any(axis=1)
        self._front = np.vstack([self._front[~dominated], row])
        return gain


class _Staircase:
    """A growing front of two objectives, sorted by the first; the second then falls from step to step."""

    def __init__(self, reference: FloatArray) -> None:
        self._end, self._top = reference.tolist()
        self._firsts: list[float] = []
        self._seconds: list[float] = []
        self._counts: list[int] = []
        self.size = 0

    def add(self, row: FloatArray) -> float:
        """Add a row and return the hypervolume that it adds."""
        first, second = row.tolist()
        start = bisect_left(self._firsts, first)
        if start < len(self._firsts) and (self._firsts[start], self._seconds[start]) == (first, second):
            self._counts[start] += 1
            self.size += 1
            return 0.0
        if start > 0 and self._seconds[start - 1] <= second:
            return 0.0
        if start < len(self._firsts) and self._firsts[start] == first and self._seconds[start] < second:
            return 0.0
        stop = start
        while stop < len(self._firsts) and self._seconds[stop] >= second:
            stop += 1
        gain = self._area_above(start, stop, first, second)
        self.size += 1 - sum(self._counts[start:stop])
        self._firsts[start:stop] = [first]
        self._seconds[start:stop] = [second]
        self._counts[start:stop] = [1]
        return gain

    def _area_above(self, start: int, stop: int, first: float, second: float) -> float:
        """Return the area between the new corner and the old steps: one strip for each step from start to stop."""
        ceilings = [self._seconds[start - 1] if start > 0 else self._top, *self._seconds[start:stop]]
        ends = self._firsts[start : stop + 1] if stop < len(self._firsts) else [*self._firsts[start:], self._end]
        area, left = 0.0, first
        for ceiling, end in zip(ceilings, ends, strict=True):
            right = min(end, self._end)
            area += max(right - left, 0.0) * max(min(ceiling, self._top) - second, 0.0)
            left = right
        return area
