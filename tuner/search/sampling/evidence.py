"""What a proposal rests on, and the same as trials of an Optuna study that exists for one proposal."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from tuner.optuna_private import GENERATION_KEY
from tuner.pareto.objectives import FloatArray, spans

# So many trials must be measured at one epoch before a model is fitted to them. Optuna waits for 10. With rungs, a
# model that begins earlier reaches a good front with fewer epochs, but its front is slightly worse in the end
# (benchmarks/pages/search_quality.md).
STARTUP_TRIALS = 6

Parameters = Mapping[str, Any]

# NSGA-II chooses its parents from one generation, to which every measured trial belongs: `samplers.py`.
_GENERATION = {GENERATION_KEY: 0}
# A failed trial counts as worse than the worst measured one by this share of an objective's range.
_WORSE = 0.1


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on: measured trials, all with their losses at the same epoch, and running trials.

    Losses are those of the objectives, then those of the constraints, as many as `constraints`; lower is better.
    `failed` are points whose training diverged or crashed for good: they have no losses, and the samplers avoid them.
    `tried` are all points that must not be proposed again, also those that are measured at other epochs only.
    `limits`, one for each loss, are the largest ones that the user accepts, infinite for an objective without a limit;
    None if nothing has one.
    """

    measured: Sequence[tuple[Parameters, FloatArray]]
    running: Sequence[Parameters]
    tried: Sequence[Parameters]
    failed: Sequence[Parameters] = ()
    limits: FloatArray | None = None
    constraints: int = 0

    @property
    def enough(self) -> bool:
        """Whether a model can be fitted. Until then every sampler draws at random."""
        return len(self.measured) >= STARTUP_TRIALS

    def of(self, names: Collection[str]) -> Self:
        """Return what is known of some parameters, from the trials that have all of them."""

        def chosen(points: Iterable[Parameters]) -> list[Parameters]:
            return [{name: point[name] for name in names} for point in points if point.keys() >= set(names)]

        return replace(
            self,
            measured=[(point, row) for whole, row in self.measured for point in chosen([whole])],
            running=chosen(self.running),
            failed=chosen(self.failed),
        )


def study_trials(evidence: Evidence, distributions: Mapping[str, BaseDistribution]) -> list[FrozenTrial]:
    """Return the evidence as trials of a study that minimises.

    A failed trial becomes a completed one that is a little worse than the worst measured trial in every objective.
    So every sampler avoids it, and the losses keep their scale, to which a model is fitted. NSGA-II and the
    Gaussian process would not see a PRUNED or FAIL trial.
    """
    losses = [row for _, row in evidence.measured]
    rows = [*evidence.measured, *((point, failed_losses(np.array(losses))) for point in evidence.failed if losses)]
    space = dict(distributions)
    measured = [
        _trial(TrialState.COMPLETE, point, space, row[: len(row) - evidence.constraints].tolist())
        for point, row in rows
    ]
    for trial, (_, row) in zip(measured, rows, strict=True):
        for name, value in _constraints(row, evidence.limits).items():
            trial.set_constraint(name, value)
    return measured + [_trial(TrialState.RUNNING, point, space) for point in evidence.running]


def _trial(
    state: TrialState, point: Parameters, space: dict[str, BaseDistribution], values: list[float] | None = None
) -> FrozenTrial:
    """Make a trial without the checks of Optuna's `create_trial`, which take longer than the sampler.

    They are not needed: the point was proposed from this space, or `tuner.search.warm_start` checked it.
    """
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params=dict(point),
        distributions=space,
        user_attrs={},
        system_attrs=dict(_GENERATION) if values else {},
        intermediate_values={},
    )


def failed_losses(losses: FloatArray) -> FloatArray:
    """Return losses, (m,), for a trial that has none: worse than all of an (n >= 1, m) matrix."""
    worse: FloatArray = losses.max(axis=0) + _WORSE * spans(losses)
    return worse


def _constraints(row: FloatArray, limits: FloatArray | None) -> dict[str, float]:
    """Return Optuna's form of constraints: a number for each, above 0 where it is violated."""
    if limits is None:
        return {}
    return {str(j): float(row[j] - limits[j]) for j in np.flatnonzero(np.isfinite(limits))}
