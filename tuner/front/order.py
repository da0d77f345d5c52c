"""The order of preference inside a rung of early stopping: fronts first, farthest-first inside a front.

The rule of MO-ASHA's epsilon-net selector (Schmucker et al. 2021, arXiv:2106.12639) on scaled objectives,
with ties broken by the losses themselves, so that the order in which trials arrive changes nothing.
"""

import numpy as np

from tuner.front.dominance import IntArray, distinct_rows, non_domination_rank
from tuner.front.scaling import scale_to_unit
from tuner.objectives import FloatArray


def preference_rank(losses: FloatArray) -> IntArray:
    """Count the rows preferred to each row of an (n, m) loss matrix (lower is better), as (n,).

    Rows of an earlier front are preferred to those of a later one. Inside a front the row that is best in
    the first objective comes first (then the second, and so on), and after it repeatedly the row whose
    nearest already placed row is farthest, with every objective scaled to [0, 1] over all n rows; of rows
    equally far, the lexicographically smallest. Equal rows share the rank of the first of them.

    An infinite loss counts as the worst value of its objective, however many rows have it.

    Raises:
        ValueError: if `losses` is not a matrix or holds a NaN.

    """
    rows, inverse, counts = distinct_rows(losses)
    scaled = scale_to_unit(rows)
    fronts = non_domination_rank(rows)
    # Stable: members of a front stay in lexicographic order, as `farthest_first_order` needs for its ties.
    by_front = np.argsort(fronts, kind="stable")
    members_of_fronts = np.split(by_front, np.cumsum(np.bincount(fronts))[:-1]) if len(rows) else []
    order = by_front.copy()
    placed = 0
    for members in members_of_fronts:
        order[placed : placed + len(members)] = members[farthest_first_order(scaled[members])]
        placed += len(members)
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[order] = np.cumsum(counts[order]) - counts[order]
    return ranks[inverse]


def farthest_first_order(points: FloatArray) -> IntArray:
    """Order (n, m) points by farthest-first traversal from the first, as (n,) indices into `points`.

    Each next point is the one whose nearest already ordered point is farthest in Euclidean distance; of
    points equally far, the one that comes first in `points`.
    Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5.
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
