"""Pareto dominance between rows of a loss matrix: which rows are non-dominated, and the front of each row.

A row dominates another if it is at most as large in every objective and smaller in at least one. Constrained domination
also respects the limits that the user sets on objectives.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.pareto.objectives import FloatArray, spans

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_SWEPT_AT_ONCE = 256


class DistinctRows(NamedTuple):
    """The distinct rows of a matrix in lexicographic order, and how they map back to the matrix.

    `rows` is (k, m), `inverse` (n,) is the index of each original row in `rows`, and `counts` (k,) is the
    number of original rows for each of them.
    """

    rows: FloatArray
    inverse: IntArray
    counts: IntArray


def check_losses(losses: FloatArray) -> None:
    """Raise ValueError unless an array is an (n, m) loss matrix without NaN, which cannot be ordered."""
    if losses.ndim != 2 or losses.shape[1] == 0:
        raise ValueError(f"The losses have shape {losses.shape}, but must be (rows, objectives >= 1).")
    if np.isnan(losses).any():
        row = int(np.isnan(losses).any(axis=1).argmax())
        raise ValueError(
            f"Row {row} of the losses is {losses[row].tolist()}, but NaN has no place in an order; "
            "leave such rows out, or use infinity for the worst loss."
        )


def distinct_rows(losses: FloatArray) -> DistinctRows:
    """Merge equal rows of an (n, m) loss matrix and sort the rest lexicographically.

    Then only rows before a row can dominate it. The sweeps of this package rely on that.
    """
    check_losses(losses)
    order = np.lexsort(losses.T[::-1])
    ordered = np.asfortranarray(losses[order])  # numpy reads contiguous columns 40 times as fast
    starts = np.ones(len(losses), dtype=np.bool_)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    inverse = np.empty(len(losses), dtype=np.int64)
    inverse[order] = np.cumsum(starts) - 1
    rows = ordered[starts]
    return DistinctRows(rows, inverse, np.bincount(inverse, minlength=len(rows)))


def is_non_dominated(losses: FloatArray) -> BoolArray:
    """Return which rows of an (n, m) loss matrix (lower is better) no other row dominates, as (n,).

    Equal rows do not dominate each other: either all of them are non-dominated, or none.
    """
    distinct = distinct_rows(losses)
    return _first_front(distinct.rows)[distinct.inverse]


def non_domination_rank(losses: FloatArray, deepest: int | None = None) -> IntArray:
    """Return the index of the front of each row of an (n, m) loss matrix (lower is better), as (n,).

    Front 0 holds the non-dominated rows, front k the rows that are non-dominated without fronts 0 to k - 1 (Deb et
    al. 2002, NSGA-II, doi:10.1109/4235.996017). Equal rows are in the same front. With `deepest`, which saves time, all
    rows of later fronts get this index.
    """
    distinct = distinct_rows(losses)
    objectives = losses.shape[1]
    limit = len(losses) if deepest is None else deepest
    if objectives == 1:
        return np.minimum(distinct.inverse, limit)
    ranks = _ranks_of_pairs(distinct.rows, limit) if objectives == 2 else _ranks_by_peeling(distinct.rows, limit)
    return ranks[distinct.inverse]


def violations(losses: FloatArray, limits: FloatArray) -> FloatArray:
    """Return how far each row of an (n, m) loss matrix (lower is better) is beyond `limits`, (m,), as (n,) >= 0.

    0 means within all limits. The excesses of several objectives are added, each divided by the range of its objective
    over the rows, so that units do not matter. An infinite limit limits nothing.
    """
    bounded = np.isfinite(limits)
    values = losses[:, bounded]
    over = np.maximum(values - limits[bounded], 0.0)
    total: FloatArray = (over / spans(values)).sum(axis=1)
    return total


def constrained_rank(losses: FloatArray, beyond: FloatArray | None, deepest: int | None = None) -> IntArray:
    """Return the index of the front of each row of an (n, m) loss matrix (lower is better), as (n,).

    `beyond`, (n,), are the `violations` of the rows, or None without limits. Constrained domination (Deb et al. 2002,
    section VI, doi:10.1109/4235.996017): a row within the limits dominates every row beyond them; of two
    rows beyond them, the one with the smaller violation dominates; two rows within them compare as usual. Without
    limits, or if all rows are within them, these are the usual fronts. With `deepest` all rows of later fronts get this
    index.
    """
    if beyond is None:
        return non_domination_rank(losses, deepest)
    within = beyond == 0
    ranks = np.empty(len(losses), dtype=np.int64)
    ranks[within] = non_domination_rank(losses[within], deepest)
    fronts = int(ranks[within].max(initial=-1)) + 1
    ranks[~within] = fronts + np.unique(beyond[~within], return_inverse=True)[1]
    return ranks if deepest is None else np.minimum(ranks, deepest)


def constrained_relation(losses: FloatArray, row: int, beyond: FloatArray | None) -> tuple[BoolArray, BoolArray]:
    """Return which rows of an (n, m) loss matrix dominate one of them, and which rows it dominates, both (n,).

    By constrained domination, as in `constrained_rank`.
    """
    own = losses[row]
    at_most, at_least = (losses <= own).all(axis=1), (losses >= own).all(axis=1)
    dominating, dominated = at_most & ~at_least, at_least & ~at_most
    if beyond is not None:
        comparable = (beyond == 0) & (beyond[row] == 0)
        dominating = (dominating & comparable) | (beyond < beyond[row])
        dominated = (dominated & comparable) | (beyond > beyond[row])
    return dominating, dominated


def _first_front(rows: FloatArray) -> BoolArray:
    """Return which of lexicographically sorted, distinct rows are non-dominated."""
    if rows.shape[1] == 2 and len(rows) > 0:
        return _first_front_of_pairs(rows)
    front = np.zeros(len(rows), dtype=np.bool_)
    candidates = np.arange(len(rows))
    while candidates.size:
        best, later = candidates[0], candidates[1:]
        front[best] = True
        candidates = later[(rows[later] < rows[best]).any(axis=1)]
    return front


def _first_front_of_pairs(rows: FloatArray) -> BoolArray:
    """Sweep two objectives: a row is non-dominated if its second loss is below all second losses before it."""
    second = rows[:, 1]
    front = np.ones(len(rows), dtype=np.bool_)
    front[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    return front


def _ranks_by_peeling(rows: FloatArray, deepest: int) -> IntArray:
    ranks = np.full(len(rows), deepest, dtype=np.int64)
    remaining = np.arange(len(rows))
    for front_index in range(deepest):
        if remaining.size == 0:
            break
        front = _first_front(rows[remaining])
        ranks[remaining[front]] = front_index
        remaining = remaining[~front]
    return ranks


def _ranks_of_pairs(rows: FloatArray, deepest: int) -> IntArray:
    """Find all fronts of two objectives in one sweep (Jensen 2003, doi:10.1109/TEVC.2003.817234).

    The latest member of a front has its smallest second loss. The front dominates the next row exactly if this loss is
    at most the row's. These smallest losses grow from front to front, so bisection finds the first front that does
    not dominate the row.
    """
    smallest_of_front: list[float] = []
    ranks = np.full(len(rows), deepest, dtype=np.int64)
    for start in range(0, len(rows), _SWEPT_AT_ONCE):
        seconds = rows[start : start + _SWEPT_AT_ONCE, 1]
        # The deepest front dominates most rows: skipping them is cheaper than placing them.
        full = 0 < deepest == len(smallest_of_front)
        places = np.flatnonzero(seconds < smallest_of_front[-1]) if full else np.arange(len(seconds))
        for place, second in zip((start + places).tolist(), seconds[places].tolist(), strict=True):
            rank = bisect_right(smallest_of_front, second)
            if rank < len(smallest_of_front):
                smallest_of_front[rank] = second
            elif rank < deepest:
                smallest_of_front.append(second)
            ranks[place] = rank
    return ranks
