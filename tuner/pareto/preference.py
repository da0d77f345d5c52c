"""The order of preference inside a rung of early stopping: fronts first, farthest-first order inside a front.

This is the rule of MO-ASHA (Schmucker et al. 2021, arXiv:2106.12639) on scaled objectives. The losses themselves
break ties, so that the order in which trials arrive changes nothing.
"""

import numpy as np

from tuner.pareto.dominance import BoolArray, IntArray, distinct_rows
from tuner.pareto.farthest_first import farthest_first_order
from tuner.pareto.limits import constrained_rank, constrained_relation, violations
from tuner.pareto.objectives import FloatArray
from tuner.pareto.scaling import scale_to_unit


def preference_rank(losses: FloatArray, limits: FloatArray | None = None) -> IntArray:
    """Return the number of rows preferred to each row of an (n, m) loss matrix (lower is better), as (n,).

    Rows of an earlier front are preferred to those of a later one; fronts respect `limits`, (m,), if there are
    any (`tuner.pareto.limits`). Inside a front the farthest-first order decides, with every objective scaled to
    [0, 1] over all n rows; of equally far rows, the lexicographically smallest comes first. Equal rows share the
    rank of the first.

    An infinite loss counts as the worst value of its objective, however many rows have it.

    Raises:
        ValueError: if `losses` is not a matrix or holds a NaN.

    """
    rows, inverse, counts = distinct_rows(losses)
    fronts = constrained_rank(rows, None if limits is None else violations(rows, limits))
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


def preferred_at_most(losses: FloatArray, row: int, most: int, limits: FloatArray | None = None) -> bool:
    """Return whether `preference_rank(losses, limits)[row] <= most`, in a fraction of its time.

    Rows that dominate the row are preferred to it, whatever their fronts are. Rows that it dominates are in later
    fronts and dominate only rows of still later fronts. Without them, all other rows stay in their fronts.
    """
    losses = np.asfortranarray(losses)  # numpy reads contiguous columns 40 times as fast
    beyond = None if limits is None else violations(losses, limits)
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


def _of(beyond: FloatArray | None, chosen: BoolArray) -> FloatArray | None:
    return None if beyond is None else beyond[chosen]
