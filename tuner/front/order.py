"""The order of preference inside a rung of early stopping: fronts first, a rule of spread inside a front.

The rule of MO-ASHA (Schmucker et al. 2021, arXiv:2106.12639) on scaled objectives, with ties broken by the losses
themselves, so that the order in which trials arrive changes nothing.

`tie_break` names what decides inside a front (`tuner.front.spread`):

- `farthest_first`: the best in the first objective, then repeatedly the one farthest from those before it;
- `crowding`: NSGA-II's crowding distance, the loneliest first;
- `hypervolume`: repeatedly the one that adds the most hypervolume to those before it;
- `keep_front`: nobody is preferred to a member of the first front; in the others as `farthest_first`.

`farthest_first` is the default because none of the others is measurably better: over the 8 tasks of
`benchmarks/search_quality` (10 seeds each) their mean hypervolumes differ by at most 0.005, and which one leads changes
from task to task.
"""

from typing import Literal

import numpy as np

from tuner.front.dominance import IntArray, distinct_rows
from tuner.front.limits import constrained_rank
from tuner.front.scaling import scale_to_unit
from tuner.front.spread import ORDERS
from tuner.objectives import FloatArray

TieBreak = Literal["farthest_first", "crowding", "hypervolume", "keep_front"]


def preference_rank(
    losses: FloatArray, tie_break: TieBreak = "farthest_first", limits: FloatArray | None = None
) -> IntArray:
    """Count the rows preferred to each row of an (n, m) loss matrix (lower is better), as (n,).

    Rows of an earlier front are preferred to those of a later one; fronts respect `limits`, (m,), if there are
    (`tuner.front.limits`). Inside a front `tie_break` decides, with every objective scaled to [0, 1] over all n
    rows; of rows that it finds equal, the lexicographically smallest. Equal rows share the rank of the first.

    An infinite loss counts as the worst value of its objective, however many rows have it.

    Raises:
        ValueError: if `losses` is not a matrix or holds a NaN.

    """
    rows, inverse, counts = distinct_rows(losses)
    fronts = constrained_rank(rows, limits)
    ranks = np.zeros(len(rows), dtype=np.int64)
    scaled = scale_to_unit(rows)
    better = 0
    for front in range(int(fronts.max(initial=-1)) + 1):
        # In lexicographic order, as the rules of spread need it for their ties.
        members = np.flatnonzero(fronts == front)
        if front > 0 or tie_break != "keep_front":
            ordered = members[ORDERS[tie_break](scaled[members])]
            ranks[ordered] = better + np.cumsum(counts[ordered]) - counts[ordered]
        better += int(counts[members].sum())
    return ranks[inverse]


def rank_of(
    losses: FloatArray, row: int, tie_break: TieBreak = "farthest_first", limits: FloatArray | None = None
) -> int:
    """Give `preference_rank(losses, tie_break, limits)[row]`, ordering no other front than that row's own."""
    rows, inverse, counts = distinct_rows(losses)
    fronts = constrained_rank(rows, limits)
    own = int(inverse[row])
    if fronts[own] == 0 and tie_break == "keep_front":
        return 0
    members = np.flatnonzero(fronts == fronts[own])
    ordered = members[ORDERS[tie_break](scale_to_unit(rows)[members])]
    before = ordered[: int(np.flatnonzero(ordered == own)[0])]
    return int(counts[fronts < fronts[own]].sum() + counts[before].sum())
