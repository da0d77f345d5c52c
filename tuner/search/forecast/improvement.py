"""How much hypervolume losses would add to a front: exact for each row, for any number of objectives.

The part of the space that a front does not dominate, below a reference point, is cut into boxes without overlap. What a
row adds is the part of each box that it dominates (the box decomposition of Lacour et al. 2017,
doi:10.1016/j.ejor.2016.07.027, is a finer one of the same idea).
"""

import numpy as np

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray, scale_to_unit
from tuner.pareto.preference import farthest_first_order

# Rows of samples that are computed together; it bounds the memory.
_CHUNK = 4096
# With more than two objectives the number of boxes grows fast. These members of a front stand for all of it.
_MOST_MEMBERS = {1: 1, 2: 500, 3: 100, 4: 40, 5: 20, 6: 10}
_MOST_MEMBERS_BEYOND = 5


class Undominated:
    """The space that a front leaves undominated below a reference point."""

    def __init__(self, front: FloatArray, reference: FloatArray) -> None:
        """The front is an (n, m) loss matrix, of which only rows better than the reference, (m,), count."""
        objectives = len(reference)
        members = front[(front < reference).all(axis=1)]
        members = np.unique(members[is_non_dominated(members)], axis=0) if len(members) else members
        most = _MOST_MEMBERS.get(objectives, _MOST_MEMBERS_BEYOND)
        if len(members) > most:
            members = members[farthest_first_order(scale_to_unit(members))[:most]]
        low, high = np.full((1, objectives), -np.inf), reference[None].astype(float)
        for member in members:
            low, high = _without(low, high, member)
        self._low, self._high = low, high

    def improvements(self, losses: FloatArray) -> FloatArray:
        """Return the hypervolume that each row of an (n, m) loss matrix would add, (n,)."""
        found = np.zeros(len(losses))
        for start in range(0, len(losses), _CHUNK):
            rows = losses[start : start + _CHUNK]
            volume = np.ones((len(rows), len(self._low)))
            for column in range(rows.shape[1]):
                edge = self._high[:, column] - np.maximum(self._low[:, column], rows[:, column, None])
                volume *= edge.clip(0.0)
            found[start : start + _CHUNK] = volume.sum(axis=1)
        return found


def _without(low: FloatArray, high: FloatArray, member: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the boxes (low, high), (b, m) each, without the part that a member dominates, as boxes again."""
    cut = (member < high).all(axis=1)
    lows, highs = [low[~cut]], [high[~cut]]
    low, high = low[cut].copy(), high[cut]
    for column in range(len(member)):
        # Below the member in this column, and above it in all columns before.
        below = low[:, column] < member[column]
        part = high[below].copy()
        part[:, column] = member[column]
        lows.append(low[below])
        highs.append(part)
        low[:, column] = np.maximum(low[:, column], member[column])
    return np.concatenate(lows), np.concatenate(highs)
