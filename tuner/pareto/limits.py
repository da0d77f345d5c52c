"""Limits that the user sets on objectives: how far trials are beyond them, and fronts that respect them."""

import numpy as np

from tuner.pareto.dominance import BoolArray, IntArray, non_domination_rank
from tuner.pareto.objectives import FloatArray, spans


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
