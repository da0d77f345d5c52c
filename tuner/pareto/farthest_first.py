"""The order of preference among trials that do not dominate one another: rules that spread them over their front.

Every rule takes the members of one front as (k, m) distinct points in lexicographic order, each objective (lower is
better) scaled to [0, 1], and gives their order as (k,) indices, the preferred one first.
"""

from collections.abc import Callable, Mapping
from heapq import heapify, heapreplace
from types import MappingProxyType

import numpy as np

from tuner.pareto.dominance import IntArray
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray

# Beyond the worst value, so that both ends of a front count for something; exact in binary, so that ties are.
_REFERENCE = 1.125


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


def crowding_order(points: FloatArray) -> IntArray:
    """Order (n, m) points by their crowding distance, the largest first; equal ones as in `points`."""
    return np.argsort(-crowding_distance(points), kind="stable")


def crowding_distance(points: FloatArray) -> FloatArray:
    """Give the crowding distance of each of (n, m) points, (n,): for each objective the gap between its neighbours.

    The ends of an objective have an infinite one. Deb et al. 2002 (NSGA-II), doi:10.1109/4235.996017.
    """
    distance = np.zeros(len(points))
    for values in points.T:
        if len(points) == 0 or values.min() == values.max():
            continue
        order = np.argsort(values, kind="stable")
        padded = np.concatenate([[-np.inf], values[order], [np.inf]])
        distance[order] += padded[2:] - padded[:-2]
    return distance


def hypervolume_order(points: FloatArray) -> IntArray:
    """Order (n, m) non-dominated points greedily: each next one adds the most hypervolume to those before it.

    The reference point is 1.125 in every objective; of points that add the same, the first of `points` comes first.
    """
    return _greedy_pairs(points) if points.shape[1] == 2 else _greedy(points)


def _greedy_pairs(points: FloatArray) -> IntArray:
    """Use that in two objectives a point adds a rectangle that its chosen neighbours on the front bound."""
    order = np.empty(len(points), dtype=np.int64)
    right, above = np.full((2, len(points)), _REFERENCE)
    left_to_choose = np.ones(len(points), dtype=np.bool_)
    for place in range(len(points)):
        gains = np.where(left_to_choose, (right - points[:, 0]) * (above - points[:, 1]), -1.0)
        chosen = int(gains.argmax())
        order[place] = chosen
        left_to_choose[chosen] = False
        right[:chosen] = np.minimum(right[:chosen], points[chosen, 0])
        above[chosen + 1 :] = np.minimum(above[chosen + 1 :], points[chosen, 1])
    return order


def _greedy(points: FloatArray) -> IntArray:
    """Compute a gain again only where it may be the largest: what a point adds shrinks with each chosen one."""
    reference = np.full(points.shape[1], _REFERENCE)
    boxes = np.prod(reference - points, axis=1)
    # (minus the gain, point, how many were chosen when it was computed)
    heap = [(-float(box), index, 0) for index, box in enumerate(boxes)]
    heapify(heap)
    order: list[int] = []
    while len(order) < len(points):
        _, index, known = heap[0]
        if known == len(order):
            order.append(index)
            heapreplace(heap, (np.inf, index, len(points)))
            continue
        covered = hypervolume(np.maximum(points[order], points[index]), reference)
        heapreplace(heap, (covered - float(boxes[index]), index, len(order)))
    return np.array(order, dtype=np.int64)


ORDERS: Mapping[str, Callable[[FloatArray], IntArray]] = MappingProxyType(
    {
        "farthest_first": farthest_first_order,
        "crowding": crowding_order,
        "hypervolume": hypervolume_order,
        "keep_front": farthest_first_order,
    }
)
