"""Rungs of multi-objective ASHA: where trials are compared, what stands there, and who goes on.

ASHA: Li et al. 2020, arXiv:1810.05934. Several objectives: Schmucker et al. 2021, arXiv:2106.12639. This is
the stopping type: a trial is judged once at each rung, against all that were there before it.
"""

import numpy as np

from tuner.front.order import preference_rank
from tuner.objectives import FloatArray


def milestones(grace_epochs: int, reduction_factor: int, epochs: int) -> list[int]:
    """Give the rungs' epochs: grace * factor^k, as long as they lie before the end of the budget."""
    rungs = []
    epoch = grace_epochs
    while epoch < epochs:
        rungs.append(epoch)
        epoch *= reduction_factor
    return rungs


class Rungs:
    """The losses recorded at each rung, and the rule on a newcomer.

    The rule: with N trials at the rung, the newcomer counted, and `rank` the number of those preferred to it
    (`tuner.front.order.preference_rank`: earlier Pareto fronts first, spread inside a front), the newcomer
    continues if and only if rank <= N / reduction_factor. So a trial that no other is preferred to always
    continues, the first at a rung included, and the share that continues tends to 1 / reduction_factor.
    This keeps a total order inside a front and may stop a non-dominated trial in a crowded part of it: an
    ever growing front would otherwise stop nobody.
    """

    def __init__(self, epochs: list[int], reduction_factor: int) -> None:
        self.epochs = epochs
        self._reduction_factor = reduction_factor
        self._losses: dict[int, dict[int, FloatArray]] = {epoch: {} for epoch in epochs}

    def is_rung(self, epoch: int) -> bool:
        """Say whether trials are compared after this epoch."""
        return epoch in self._losses

    def record(self, epoch: int, number: int, losses: FloatArray) -> None:
        """Note a trial's losses, shape (objectives,), lower is better, at a rung."""
        self._losses[epoch][number] = losses

    def at(self, epoch: int) -> dict[int, FloatArray]:
        """Give the losses at a rung by trial number, in no order that a rebuilt search would keep."""
        return dict(self._losses[epoch])

    def continues(self, epoch: int, number: int) -> bool:
        """Judge a trial that is recorded at this rung; one with a NaN or infinite loss never goes on."""
        newcomer = self._losses[epoch][number]
        if not np.isfinite(newcomer).all():
            return False
        finite = {n: row for n, row in self._losses[epoch].items() if np.isfinite(row).all()}
        rank = int(preference_rank(np.array(list(finite.values())))[list(finite).index(number)])
        return rank * self._reduction_factor <= len(self._losses[epoch])
