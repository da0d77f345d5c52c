"""The order of preference inside a rung of early stopping: fronts first, a rule of spread inside a front.

The rule of MO-ASHA (Schmucker et al. 2021, arXiv:2106.12639) on scaled objectives, with ties broken by the losses
themselves, so that the order in which trials arrive changes nothing.

`tie_break` names what decides inside a front (`tuner.pareto.farthest_first`):

- `farthest_first`: the best in the first objective, then repeatedly the one farthest from those before it;
- `crowding`: NSGA-II's crowding distance, the loneliest first;
- `hypervolume`: repeatedly the one that adds the most hypervolume to those before it;
- `keep_front`: nobody is preferred to a member of the first front; in the others as `farthest_first`.

`farthest_first` is the default because none of the others is measurably better: see "The rule inside a front" in
`benchmarks/README.md`.
"""

from typing import Literal

import numpy as np

from tuner.pareto.dominance import BoolArray, IntArray, distinct_rows
from tuner.pareto.farthest_first import ORDERS
from tuner.pareto.limits import constrained_rank, constrained_relation, violations
from tuner.pareto.objectives import FloatArray
from tuner.pareto.scaling import scale_to_unit

TieBreak = Literal["farthest_first", "crowding", "hypervolume", "keep_front"]


def preference_rank(
    losses: FloatArray, tie_break: TieBreak = "farthest_first", limits: FloatArray | None = None
) -> IntArray:
    """Count the rows preferred to each row of an (n, m) loss matrix (lower is better), as (n,).

    Rows of an earlier front are preferred to those of a later one; fronts respect `limits`, (m,), if there are
    (`tuner.pareto.limits`). Inside a front `tie_break` decides, with every objective scaled to [0, 1] over all n
    rows; of rows that it finds equal, the lexicographically smallest. Equal rows share the rank of the first.

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
        # In lexicographic order, as the rules of spread need it for their ties.
        members = np.flatnonzero(fronts == front)
        if front > 0 or tie_break != "keep_front":
            ordered = members[ORDERS[tie_break](scaled[members])]
            ranks[ordered] = better + np.cumsum(counts[ordered]) - counts[ordered]
        better += int(counts[members].sum())
    return ranks[inverse]


def preferred_at_most(
    losses: FloatArray, row: int, most: int, tie_break: TieBreak = "farthest_first", limits: FloatArray | None = None
) -> bool:
    """Tell whether `preference_rank(losses, tie_break, limits)[row] <= most`, in a fraction of its time.

    Rows that dominate the row are preferred to it whatever their fronts are. Those that it dominates are in later
    fronts and dominate only rows of still later ones, so that without them all others stay in their fronts.
    """
    losses = np.asfortranarray(losses)  # numpy goes through columns in one piece 40 times as fast
    beyond = None if limits is None else violations(losses, limits)
    dominating, dominated = constrained_relation(losses, row, beyond)
    if int(dominating.sum()) > most:
        return False
    # Its own front comes next after the last of those that dominate it.
    own = 1 + int(constrained_rank(losses[dominating], _of(beyond, dominating)).max(initial=-1))
    if own == 0 and tie_break == "keep_front":
        return True
    left = ~dominated
    fronts = constrained_rank(losses[left], _of(beyond, left), own + 1)
    members = losses[left][fronts == own]
    rows, inverse, counts = distinct_rows(members)
    scaled = np.empty_like(rows)
    scaled[inverse] = scale_to_unit(losses)[left][fronts == own]
    ordered = ORDERS[tie_break](scaled)
    place = int(inverse[(members == losses[row]).all(axis=1).argmax()])
    before = ordered[: int(np.flatnonzero(ordered == place)[0])]
    return int((fronts < own).sum() + counts[before].sum()) <= most


def _of(beyond: FloatArray | None, chosen: BoolArray) -> FloatArray | None:
    return None if beyond is None else beyond[chosen]
