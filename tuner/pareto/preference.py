"""The order of preference inside a rung of early stopping: fronts first, farthest-first order inside a front.

This is the rule of MO-ASHA (Schmucker et al. 2021, arXiv:2106.12639) on scaled objectives. The losses themselves
break ties, so that the order in which trials arrive changes nothing.
"""

import numpy as np

from tuner.pareto.dominance import (
    BoolArray,
    IntArray,
    constrained_rank,
    constrained_relation,
    distinct_rows,
    violations,
)
from tuner.pareto.objectives import FloatArray, optimised, scale_to_unit


def preference_rank(losses: FloatArray, limits: FloatArray | None = None, constraints: int = 0) -> IntArray:
    """Return the number of rows preferred to each row of an (n, m) loss matrix (lower is better), as (n,).

    The last columns, as many as `constraints`, are not optimised: they count only where they are beyond their limits.

    Rows of an earlier front are preferred to those of a later one; fronts respect `limits`, (m,), if there are
    any (`constrained_rank`). Inside a front the farthest-first order decides, with every objective scaled to
    [0, 1] over all n rows; of equally far rows, the lexicographically smallest comes first. Equal rows share the
    rank of the first. Raise ValueError if a loss is NaN.
    """
    rows, inverse, counts = distinct_rows(_with_violations(losses, limits, constraints))
    rows, beyond = (rows, None) if limits is None else (rows[:, :-1], rows[:, -1])
    fronts = constrained_rank(rows, beyond)
    ranks = np.zeros(len(rows), dtype=np.int64)
    scaled = scale_to_unit(rows)
    better = 0
    for front in range(int(fronts.max(initial=-1)) + 1):
        # In lexicographic order, as the farthest-first order needs it for its ties.
        members = np.flatnonzero(fronts == front)
        ordered = members[farthest_first_order(scaled[members])]
        ranks[ordered] = better + np.cumsum(counts[ordered]) - counts[ordered]
        better += int(counts[members].sum())
    return ranks[inverse]


def preferred_at_most(
    losses: FloatArray, row: int, most: int, limits: FloatArray | None = None, constraints: int = 0
) -> bool:
    """Return whether `preference_rank(losses, limits, constraints)[row] <= most`, in a fraction of its time.

    Rows that dominate the row are preferred to it, whatever their fronts are. Rows that it dominates are in later
    fronts and dominate only rows of still later fronts. Without them, all other rows stay in their fronts.
    """
    beyond = None if limits is None else violations(losses, limits)
    losses = np.asfortranarray(optimised(losses, constraints))  # numpy reads contiguous columns 40 times as fast
    dominating, dominated = constrained_relation(losses, row, beyond)
    if int(dominating.sum()) > most:
        return False
    # Its own front follows the last front of the rows that dominate it.
    own = 1 + int(constrained_rank(losses[dominating], _of(beyond, dominating)).max(initial=-1))
    left = ~dominated
    fronts = constrained_rank(losses[left], _of(beyond, left), own + 1)
    members = losses[left][fronts == own]
    rows, inverse, counts = distinct_rows(members)
    scaled = np.empty_like(rows)
    scaled[inverse] = scale_to_unit(losses)[left][fronts == own]
    ordered = farthest_first_order(scaled)
    place = int(inverse[(members == losses[row]).all(axis=1).argmax()])
    before = ordered[: int(np.flatnonzero(ordered == place)[0])]
    return int((fronts < own).sum() + counts[before].sum()) <= most


def farthest_first_order(points: FloatArray) -> IntArray:
    """Order (n, m) points by farthest-first traversal from the first, as (n,) indices into `points`.

    Each next point is the one whose nearest already ordered point is farthest in Euclidean distance; of
    points equally far, the one that comes first in `points`.
    Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5; as MO-ASHA's rule: Schmucker et al. 2021, arXiv:2106.12639.
    """
    if len(points) <= 2:
        return np.arange(len(points))
    order = np.zeros(len(points), dtype=np.int64)
    nearest_squared = np.full(len(points), np.inf)
    latest = 0
    for place in range(1, len(points)):
        offsets = points - points[latest]
        np.minimum(nearest_squared, np.einsum("ij,ij->i", offsets, offsets), out=nearest_squared)
        nearest_squared[latest] = -1.0  # below any distance: never chosen again
        latest = int(nearest_squared.argmax())
        order[place] = latest
    return order


def _with_violations(losses: FloatArray, limits: FloatArray | None, constraints: int) -> FloatArray:
    """Return the optimised columns, and with limits one more column: how far each row is beyond them."""
    chosen = optimised(losses, constraints)
    return chosen if limits is None else np.column_stack([chosen, violations(losses, limits)])


def _of(beyond: FloatArray | None, chosen: BoolArray) -> FloatArray | None:
    return None if beyond is None else beyond[chosen]
