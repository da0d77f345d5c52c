"""What the trials of a search tell its sampler: values of one epoch, failures, and what is still running."""

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.dominance import IntArray
from tuner.pareto.limits import constrained_rank, violations
from tuner.pareto.objectives import FloatArray, Objective, loss_limits
from tuner.search.sampling import STARTUP_TRIALS, Evidence
from tuner.search.warm_start import EarlierTrial

# A point and its losses, (objectives,).
Measured = tuple[Mapping[str, Any], FloatArray]

# Of measured trials. A proposal of `motpe` takes longer in proportion: half a second with 5,000.
MOST_TOLD = 500
# Of those that run, the latest: they keep the next proposals apart, which are made at about the same time.
MOST_RUNNING = 100


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


def earlier_values(
    earlier: Sequence[EarlierTrial], epochs: Sequence[int], objectives: Sequence[Objective]
) -> dict[int, list[Measured]]:
    """Give what earlier trials measured at each of some epochs; it stays the same for all proposals of a search."""
    found: dict[int, list[Measured]] = {epoch: [] for epoch in epochs}
    for epoch, measured in found.items():
        rows = ((trial.parameters, trial.losses(epoch, objectives)) for trial in earlier)
        measured += [(point, row) for point, row in rows if row is not None]
    return found


def evidence(
    trials: Sequence[TrialRecord],
    values: Values,
    objectives: Sequence[Objective],
    failed: Collection[int],
    earlier: Mapping[int, Sequence[Measured]] = MappingProxyType({}),
) -> Evidence:
    """Take the values at one epoch, the latest that enough trials have reached: early values of some and
    final values of others would not compare (DESIGN, decision 4).

    A trial that failed counts as one, whatever it gave before; `failed` has their numbers. `trials` holds each trial
    at the place of its number. Those of an `earlier` search, by epoch, count where they were measured, before this
    search's own. Of many, the most telling ones are taken, so that a proposal takes no longer.
    """
    known: set[int] = set()
    measured: list[Measured] = []
    for epoch in reversed(values.epochs):
        losses = values.at(epoch)
        known = losses.keys() - failed
        measured = list(earlier.get(epoch, ()))
        measured += [(trials[number].parameters, losses[number]) for number in sorted(known)]
        if len(measured) >= STARTUP_TRIALS:
            break
    limits = loss_limits(objectives)
    told = most_telling(np.array([row for _, row in measured]), limits) if len(measured) > MOST_TOLD else None
    # A running trial that has its value at this epoch speaks by it; counted among the unknown ones, too, it
    # would keep the sampler away from just those that went on.
    running = [t.parameters for t in trials if t.outcome is Outcome.RUNNING and t.number not in known]
    return Evidence(
        measured=measured if told is None else [measured[place] for place in told.tolist()],
        running=running[-MOST_RUNNING:],
        tried=[trial.parameters for trial in trials],
        failed=[trials[number].parameters for number in sorted(failed)[-MOST_TOLD // 5 :]],
        limits=limits,
    )


def most_telling(losses: FloatArray, limits: FloatArray | None) -> IntArray:
    """Choose `MOST_TOLD` rows of a larger (n, m) matrix of losses, in the order of arrival, as their places in it.

    A tenth are the best by their fronts, and the earliest of the last of these: those that TPE models as good and
    NSGA-II takes for parents. The others are the latest.
    """
    fronts = constrained_rank(losses, None if limits is None else violations(losses, limits))
    best = np.argsort(fronts, kind="stable")[: MOST_TOLD // 10]
    others = np.setdiff1d(np.arange(len(losses)), best)[-(MOST_TOLD - len(best)) :]
    return np.sort(np.concatenate([best, others]))


def has_failed(trial: TrialRecord, objectives: Sequence[Objective]) -> bool:
    """Tell whether a trial crashed for good, or was stopped because an objective was not finite."""
    if trial.outcome is Outcome.FAILED:
        return True
    names = [objective.name for objective in objectives]
    broken = bool(trial.reports) and not all(math.isfinite(trial.last_metrics.get(n, math.nan)) for n in names)
    return trial.outcome is Outcome.STOPPED and broken
