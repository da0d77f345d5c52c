"""Farthest-first order: spreads the preferred members of a Pareto front over the whole front."""

import numpy as np

from tuner.pareto.dominance import IntArray
from tuner.pareto.objectives import FloatArray


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
