"""What a sampler is told of the trials: values of one epoch, failures, and running trials."""

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from tuner.ledger import Decision, Outcome, TrialRecord
from tuner.pareto.dominance import IntArray, constrained_rank, violations
from tuner.pareto.objectives import FloatArray, Objective, loss_limits, optimised
from tuner.search.sampling import STARTUP_TRIALS, Evidence
from tuner.search.warm_start import EarlierTrial

# A point and its losses: of the objectives, then of the constraints.
Measured = tuple[Mapping[str, Any], FloatArray]

# The most measured trials. The time of a `motpe` proposal grows in proportion: half a second with 5,000.
MOST_TOLD = 500
# The most running trials, the latest ones: they keep proposals of about the same time apart.
MOST_RUNNING = 100


class Values:
    """The losses of trials, lower is better, at the epochs where trials are compared."""

    def __init__(self, epochs: Sequence[int]) -> None:
        self.epochs = tuple(sorted(set(epochs)))
        self._losses: dict[int, dict[int, FloatArray]] = {epoch: {} for epoch in self.epochs}
        self._times: dict[tuple[int, int], float] = {}

    def record(self, number: int, epoch: int, losses: FloatArray, time: float = 0.0) -> None:
        """Keep the losses of a trial if trials are compared at this epoch and all losses are finite."""
        if epoch in self._losses and np.isfinite(losses).all():
            self._losses[epoch][number] = losses
            self._times[epoch, number] = time

    def at(self, epoch: int) -> Mapping[int, FloatArray]:
        """Return the losses at one of `epochs` by trial number."""
        return self._losses[epoch]

    def in_order(self, epoch: int) -> dict[int, FloatArray]:
        """Return the losses at one of `epochs` by trial number, in the order in which they are on record."""
        here = self._losses[epoch]
        return {number: here[number] for number in sorted(here, key=lambda n: (self._times[epoch, n], n))}


def earlier_values(
    earlier: Sequence[EarlierTrial], epochs: Sequence[int], criteria: Sequence[Objective]
) -> dict[int, list[Measured]]:
    """Return the points and losses of earlier trials at each epoch, the same for all proposals of a search."""
    found: dict[int, list[Measured]] = {epoch: [] for epoch in epochs}
    for epoch, measured in found.items():
        rows = ((trial.parameters, trial.losses(epoch, criteria)) for trial in earlier)
        measured += [(point, row) for point, row in rows if row is not None]
    return found


def evidence(
    trials: Sequence[TrialRecord],
    values: Values,
    criteria: Sequence[Objective],
    failed: Collection[int],
    earlier: Mapping[int, Sequence[Measured]] = MappingProxyType({}),
    *,
    constraints: int = 0,
) -> Evidence:
    """Return the values at one epoch: the latest epoch that enough trials have reached.

    The last criteria, as many as `constraints`, are not optimised.

    Early values of some trials and final values of others would not compare. A trial in `failed` (numbers) counts as
    failed even if it was measured before. The trials of an `earlier` search, by epoch, come first. If there are very
    many trials, the most informative ones are chosen, so that the time of a proposal stays bounded.
    """
    points = {trial.number: trial.parameters for trial in trials}
    known: set[int] = set()
    measured: list[Measured] = []
    for epoch in reversed(values.epochs):
        losses = values.at(epoch)
        known = losses.keys() - failed
        measured = list(earlier.get(epoch, ()))
        measured += [(points[number], losses[number]) for number in sorted(known)]
        if len(measured) >= STARTUP_TRIALS:
            break
    limits = loss_limits(criteria)
    rows = np.array([row for _, row in measured])
    told = most_informative(rows, limits, constraints) if len(measured) > MOST_TOLD else None
    # A running trial that is measured at this epoch is told by its value. As an unknown trial as well, it would keep
    # the sampler away from the points that were allowed to go on.
    running = [t.parameters for t in trials if t.outcome is Outcome.RUNNING and t.number not in known]
    return Evidence(
        measured=measured if told is None else [measured[place] for place in told.tolist()],
        running=running[-MOST_RUNNING:],
        tried=[trial.parameters for trial in trials],
        failed=[points[number] for number in sorted(failed)[-MOST_TOLD // 5 :]],
        limits=limits,
        constraints=constraints,
    )


def most_informative(losses: FloatArray, limits: FloatArray | None, constraints: int = 0) -> IntArray:
    """Choose `MOST_TOLD` rows of a larger (n, m) matrix of losses; return their indices in ascending order.

    A tenth are the best ones by front (of the last front the earliest), which TPE models as good and NSGA-II takes as
    parents. The others are the latest ones.
    """
    beyond = None if limits is None else violations(losses, limits)
    fronts = constrained_rank(optimised(losses, constraints), beyond)
    best = np.argsort(fronts, kind="stable")[: MOST_TOLD // 10]
    others = np.setdiff1d(np.arange(len(losses)), best)[-(MOST_TOLD - len(best)) :]
    return np.sort(np.concatenate([best, others]))


def has_failed(trial: TrialRecord, criteria: Sequence[Objective]) -> bool:
    """Return whether a trial crashed for good, or was stopped because a metric that is compared was not finite."""
    if trial.outcome is Outcome.FAILED:
        return True
    names = [criterion.name for criterion in criteria]
    # A trial that the user stopped may end with an epoch that has no accuracies; its last decision is to go on.
    decided = bool(trial.reports) and trial.reports[-1].decision is Decision.STOP
    broken = decided and not all(math.isfinite(trial.last_metrics.get(n, math.nan)) for n in names)
    return trial.outcome is Outcome.STOPPED and broken
