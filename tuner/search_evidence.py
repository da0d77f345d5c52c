"""What the trials of a search tell its sampler: values of one epoch, failures, and what is still running."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.objectives import FloatArray, Objective, loss_limits
from tuner.sampling import STARTUP_TRIALS, Evidence
from tuner.warm_start import EarlierTrial


class Values:
    """The losses of trials, (objectives,), lower is better, at the epochs at which they are compared."""

    def __init__(self, epochs: Sequence[int]) -> None:
        self.epochs = tuple(sorted(set(epochs)))
        self._losses: dict[int, dict[int, FloatArray]] = {epoch: {} for epoch in self.epochs}

    def record(self, number: int, epoch: int, losses: FloatArray) -> None:
        """Note a trial's losses; those of an epoch at which none are compared, or without a finite value, are not."""
        if epoch in self._losses and np.isfinite(losses).all():
            self._losses[epoch][number] = losses

    def at(self, epoch: int) -> Mapping[int, FloatArray]:
        """Give the losses at one of `epochs` by trial number."""
        return self._losses[epoch]


def evidence(
    trials: Sequence[TrialRecord],
    values: Values,
    objectives: Sequence[Objective],
    earlier: Sequence[EarlierTrial] = (),
) -> Evidence:
    """Take the values at one epoch, the latest that enough trials have reached: early values of some and
    final values of others would not compare (DESIGN, decision 4).

    A trial that failed counts as one, whatever it gave before. Trials must be in the order of their numbers.
    Those of an `earlier` search count at the epochs at which they were measured, before this search's own.
    """
    failed = {trial.number for trial in trials if has_failed(trial, objectives)}
    known: set[int] = set()
    measured: list[tuple[Mapping[str, Any], FloatArray]] = []
    for epoch in reversed(values.epochs):
        losses = values.at(epoch)
        known = losses.keys() - failed
        before = [(trial.parameters, trial.losses(epoch, objectives)) for trial in earlier]
        measured = [(point, row) for point, row in before if row is not None]
        measured += [(t.parameters, losses[t.number]) for t in trials if t.number in known]
        if len(measured) >= STARTUP_TRIALS:
            break
    # A running trial that has its value at this epoch speaks by it; counted among the unknown ones, too, it
    # would keep the sampler away from just those that went on.
    return Evidence(
        measured=measured,
        running=[t.parameters for t in trials if t.outcome is Outcome.RUNNING and t.number not in known],
        tried=[trial.parameters for trial in trials],
        failed=[trial.parameters for trial in trials if trial.number in failed],
        limits=loss_limits(objectives),
    )


def has_failed(trial: TrialRecord, objectives: Sequence[Objective]) -> bool:
    """Tell whether a trial crashed for good, or was stopped because an objective was not finite."""
    if trial.outcome is Outcome.FAILED:
        return True
    names = [objective.name for objective in objectives]
    broken = bool(trial.reports) and not all(math.isfinite(trial.last_metrics.get(n, math.nan)) for n in names)
    return trial.outcome is Outcome.STOPPED and broken
