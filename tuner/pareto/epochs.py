"""The epochs of one training that may be points of a front, whatever other trainings measured."""

import math
from collections.abc import Mapping, Sequence

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import Objective, as_losses, within_limits


def undominated_epochs(
    measured: Mapping[int, Mapping[str, float]], objectives: Sequence[Objective], constraints: Sequence[Objective] = ()
) -> tuple[int, ...]:
    """Return the epochs that no other epoch of the same training dominates, in ascending order.

    `measured` has the metrics of a training by epoch. An epoch without a finite value of every objective and of
    everything that a constraint limits does not count, nor one beyond a constraint. Of several epochs with equal values
    the last one stays: more of its schedule is done.

    An epoch that falls out because of a later one never comes back. So the epochs that are found while a training goes
    on always contain those of the end that are over already.
    """
    names = list(dict.fromkeys(criterion.name for criterion in (*objectives, *constraints)))
    allowed = {
        epoch: metrics
        for epoch, metrics in sorted(measured.items())
        if all(math.isfinite(metrics.get(name, math.nan)) for name in names) and within_limits(metrics, constraints)
    }
    losses = as_losses(list(allowed.values()), objectives)
    best = is_non_dominated(losses)
    last_of_equal = {
        tuple(row): epoch for epoch, row, is_best in zip(allowed, losses.tolist(), best, strict=True) if is_best
    }
    return tuple(sorted(last_of_equal.values()))
