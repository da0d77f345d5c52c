"""What a proposal rests on, and its form as trials of an Optuna study that lives for one question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState

from tuner.pareto.objectives import FloatArray

# Trials measured at one epoch before a model is fitted to them. Optuna waits for 10; with rungs a model that begins
# sooner gets to a good front with fewer epochs, and has a slightly worse one in the end (benchmarks/README.md,
# `search_quality`).
STARTUP_TRIALS = 6

Parameters = Mapping[str, Any]

# Every measured trial belongs to one generation, from which NSGA-II chooses its parents: `samplers.py`.
_GENERATION = {NSGAIISampler._get_generation_key(): 0}  # noqa: SLF001 - no public way to give evidence to it
# The share of an objective's range by which a failed trial counts as worse than the worst measured one.
_WORSE = 0.1


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on: trials with their losses, all measured at the same epoch, and running ones.

    Losses have shape (objectives,), lower is better. `failed` are points whose training diverged or crashed for
    good: they have no losses, and the samplers keep away from them. Trials that are known at other epochs only are
    in `tried`, which keeps their points from being proposed again. `limits`, (objectives,), are the largest losses
    that the user accepts, infinite where all are; None where no objective has a limit.
    """

    measured: Sequence[tuple[Parameters, FloatArray]]
    running: Sequence[Parameters]
    tried: Sequence[Parameters]
    failed: Sequence[Parameters] = ()
    limits: FloatArray | None = None

    @property
    def enough(self) -> bool:
        """Whether a model can be fitted; with less, every sampler draws at random."""
        return len(self.measured) >= STARTUP_TRIALS


def study_trials(evidence: Evidence, distributions: Mapping[str, BaseDistribution]) -> list[FrozenTrial]:
    """Give the evidence as trials of a study that minimises.

    Failed trials are completed ones that are a little worse than the worst measured one in every objective. So
    every sampler keeps away from them, and the scale of the losses, which a model is fitted to, stays. As PRUNED
    or FAIL trials they would be invisible to NSGA-II and to the Gaussian process.
    """
    losses = [row for _, row in evidence.measured]
    rows = [*evidence.measured, *((point, failed_losses(np.array(losses))) for point in evidence.failed if losses)]
    space = dict(distributions)
    measured = [_trial(TrialState.COMPLETE, point, space, row.tolist()) for point, row in rows]
    for trial, (_, row) in zip(measured, rows, strict=True):
        for name, value in _constraints(row, evidence.limits).items():
            trial.set_constraint(name, value)
    return measured + [_trial(TrialState.RUNNING, point, space) for point in evidence.running]


def _trial(
    state: TrialState, point: Parameters, space: dict[str, BaseDistribution], values: list[float] | None = None
) -> FrozenTrial:
    """Make a trial without the checks of Optuna's `create_trial`, which take longer than the sampler itself.

    They are not needed: the space proposed this point, or `tuner.search.warm_start` found it to be in the space.
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
    """Give the losses, (objectives,), of a trial without any: beyond the worst of an (n >= 1, objectives) matrix."""
    spans = np.ptp(losses, axis=0)
    worse: FloatArray = losses.max(axis=0) + _WORSE * np.where(spans > 0, spans, 1.0)
    return worse


def _constraints(row: FloatArray, limits: FloatArray | None) -> dict[str, float]:
    """Give Optuna's record of constraints: one number each, above 0 where it is violated."""
    if limits is None:
        return {}
    return {str(j): float(row[j] - limits[j]) for j in np.flatnonzero(np.isfinite(limits))}
