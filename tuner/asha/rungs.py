"""Rungs of multi-objective ASHA: where trials are compared, what stands there, and who goes on.

ASHA: Li et al. 2020, arXiv:1810.05934. Several objectives: Schmucker et al. 2021, arXiv:2106.12639. This is
the stopping type: a trial is judged once at each rung, against all that were there before it.
"""

import numpy as np

from tuner.front.order import TieBreak, rank_of
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
    (`tuner.front.order.preference_rank`: earlier Pareto fronts first, `tie_break` inside a front), the newcomer
    continues if and only if rank <= N / reduction_factor. So a trial that no other is preferred to always
    continues, the first at a rung included, and the share that continues tends to 1 / reduction_factor.
    This keeps a total order inside a front and may stop a non-dominated trial in a crowded part of it: an
    ever growing front would otherwise stop nobody. `keep_front` is the choice of those who want just that: no
    trial is stopped that was non-dominated at the rung, and more than 1 / reduction_factor of them go on.
    `limits`, (objectives,), are the largest losses that the user accepts: trials beyond them come last.
    """

    def __init__(
        self,
        epochs: list[int],
        reduction_factor: int,
        tie_break: TieBreak = "farthest_first",
        limits: FloatArray | None = None,
    ) -> None:
        self.epochs = epochs
        self._reduction_factor = reduction_factor
        self._tie_break = tie_break
        self._limits = limits
        self._losses: dict[int, dict[int, FloatArray]] = {epoch: {} for epoch in epochs}

    def is_rung(self, epoch: int) -> bool:
        """Say whether trials are compared after this epoch."""
        return epoch in self._losses

    def record(self, epoch: int, number: int, losses: FloatArray) -> None:
        """Note a trial's losses, shape (objectives,), lower is better, at a rung."""
        self._losses[epoch][number] = losses

    def at(self, epoch: int) -> dict[int, FloatArray]:
        """Give the losses at a rung by trial number, in the order of arrival."""
        return dict(self._losses[epoch])

    def continues(self, epoch: int, number: int) -> bool:
        """Judge a trial that is recorded at this rung; one with a NaN or infinite loss never goes on."""
        recorded = self._losses[epoch]
        if not np.isfinite(recorded[number]).all():
            return False
        rows = np.array(list(recorded.values()))
        finite = np.isfinite(rows).all(axis=1)
        place = int(finite[: list(recorded).index(number)].sum())
        rank = rank_of(rows[finite], place, self._tie_break, self._limits)
        return rank * self._reduction_factor <= len(recorded)
