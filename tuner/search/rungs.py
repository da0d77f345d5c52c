"""Rungs of multi-objective ASHA: where trials are compared, what stands there, and who goes on.

ASHA: Li et al. 2020, arXiv:1810.05934. Several objectives: Schmucker et al. 2021, arXiv:2106.12639. This is
the stopping type: a trial is judged once at each rung, against all that were there before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.pareto.dominance import BoolArray
from tuner.pareto.objectives import FloatArray
from tuner.pareto.preference import preferred_at_most


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a trial goes on from a rung, and why, in words for the user."""

    goes_on: bool
    reason: str


class Rungs:
    """The losses recorded at each rung, and the rule for a newcomer. Without rungs no trial is stopped.

    The rule: let N be the number of trials at the rung, the newcomer included, and `rank` the number of trials
    preferred to it (`tuner.pareto.preference.preference_rank`: earlier Pareto fronts first, farthest-first order
    inside a front). The newcomer continues if and only if rank <= N / reduction_factor. So a trial to which no other
    is preferred always continues, also the first one at a rung, and the share that continues tends to
    1 / reduction_factor. The order inside a front is total, and the rule may stop a non-dominated trial in a crowded
    part of a front: otherwise an ever growing front would stop no trial.
    `limits`, one for each loss, are the largest ones that the user accepts: trials beyond them come last. The last
    losses, as many as `constraints`, are not optimised.
    """

    def __init__(
        self, epochs: Sequence[int], reduction_factor: int, limits: FloatArray | None = None, constraints: int = 0
    ) -> None:
        self._reduction_factor = reduction_factor
        self._limits = limits
        self._constraints = constraints
        self._boards = {epoch: _Board() for epoch in epochs}

    def is_rung(self, epoch: int) -> bool:
        """Return whether trials are compared after this epoch."""
        return epoch in self._boards

    def record(self, epoch: int, number: int, losses: FloatArray) -> None:
        """Note a trial's losses at a rung, lower is better; a trial comes to each rung once."""
        self._boards[epoch].write(number, losses)

    def judgement(self, epoch: int, number: int) -> Judgement:
        """Judge a trial that is recorded at this rung."""
        goes_on, trials = self.continues(epoch, number), len(self._boards[epoch].rows)
        most = trials // self._reduction_factor
        if goes_on:
            return Judgement(True, f"goes on: at most {most} of the {trials} trials at this rung are preferred to it")
        return Judgement(False, f"stopped: more than {most} of the {trials} trials at this rung are preferred to it")

    def continues(self, epoch: int, number: int) -> bool:
        """Return whether a trial that is recorded at this rung goes on; one with a NaN or infinite loss never does."""
        board = self._boards[epoch]
        rows, place = board.rows, board.places[number]
        finite: BoolArray = np.asarray(np.isfinite(rows).all(axis=1))
        if not finite[place]:
            return False
        most = len(rows) // self._reduction_factor
        compared = rows if finite.all() else rows[finite]
        return preferred_at_most(compared, int(finite[:place].sum()), most, self._limits, self._constraints)


class _Board:
    """What stands at one rung, in one array that grows: to gather 10,000 rows anew would cost most of a decision."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self._buffer: FloatArray = np.empty((0, 0))

    @property
    def rows(self) -> FloatArray:
        """The losses, a row for each trial, in the order of arrival."""
        return self._buffer[: len(self.places)]

    def write(self, number: int, losses: FloatArray) -> None:
        """Note a trial's losses."""
        place = self.places[number] = len(self.places)
        if place >= len(self._buffer):
            grown = np.empty((max(16, 2 * place), len(losses)), order="F")
            grown[:place] = self._buffer.reshape(-1, len(losses))
            self._buffer = grown
        self._buffer[place] = losses
