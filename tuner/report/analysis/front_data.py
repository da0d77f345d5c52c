"""The state of a search: its front, the other trials, and how the front grew.

All tables, files and figures use one `FrontData`, so that their numbers agree.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.config import BEST_EPOCH, LAST
from tuner.ledger.records import Outcome, TrialRecord, latest
from tuner.pareto.dominance import constrained_rank, non_domination_rank, violations
from tuner.pareto.hypervolume import front_growth
from tuner.pareto.objectives import FloatArray, Objective, as_losses, loss_limits, within_limits
from tuner.pareto.select import knee
from tuner.search.forecast.rung_quality import RungQuality


@dataclass(frozen=True, slots=True)
class CompletedTrial:
    """A trial that was trained for the whole budget: its final values and its front.

    `metrics` are the objectives and what the constraints limit. `pareto_rank` counts from 0, the Pareto front, among
    completed trials; those beyond a constraint come after all others, and never have rank 0.
    With `select: best` they are of `best_epoch`, and `last` has those of the last epoch.
    """

    number: int
    parameters: dict[str, Any]
    metrics: dict[str, float]
    epochs: int
    pareto_rank: int
    best_epoch: int | None = None
    last: dict[str, float] = field(default_factory=dict)

    @property
    def on_front(self) -> bool:
        """Whether no other completed trial dominates this one."""
        return self.pareto_rank == 0


@dataclass(frozen=True, slots=True)
class UnfinishedTrial:
    """A trial without final values: stopped early, failed, running, or completed with a NaN.

    `metrics` are the reported objectives after `epochs` epochs: intermediate values, not comparable with final ones.
    """

    number: int
    parameters: dict[str, Any]
    metrics: dict[str, float]
    epochs: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a confirmation measured for one trial: accuracies in [0, 1] on the test set by attack, over the seeds.

    `attacks` are named ones in the place of the `suite`; `epsilon` is their radius, None if it is that of the search.
    `select` is the epoch that was measured, `last` or `best`.
    Deviations are sample deviations (n - 1), None for a single seed. `warnings` counts the warning signs of all seeds.
    """

    confirmation: str
    trial: int
    seeds: int
    retrained: bool
    suite: str
    means: dict[str, float]
    deviations: dict[str, float | None]
    warnings: int = 0
    attacks: tuple[str, ...] = ()
    epsilon: float | None = None
    select: str = "last"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The front after one more trial completed: trial `number`, at `ended` (seconds since 1970)."""

    number: int
    ended: float
    hypervolume: float
    front_size: int
    best: dict[str, float]


@dataclass(frozen=True, slots=True)
class FrontData:
    """A search at one moment.

    `points` and `unfinished` are sorted by trial number and hold every trial once; `history` has an entry for
    each of `points` within the constraints, in the order in which they ended. `reference` is the reference point of the
    hypervolume in the units of the metrics, `knee` the number of the trial at the front's knee, within the
    limits of the objectives, if there is one. `records` are all trials with their reports, by number; `setting`
    is what is the same in all of them, by the keys of a space's `trial`; `confirmed` what confirmations measured;
    `classes` the number of classes of the data and `validation_images` that of the images by which trials are
    compared, if they are known; `rungs` how well each rung says the end and `seed_noise` the standard deviation of
    each metric between seeds, if the models of the forecast were asked; `runs_flag` is what a command about the
    search needs beside its name.
    """

    search: str
    objectives: tuple[Objective, ...]
    reference: dict[str, float]
    points: tuple[CompletedTrial, ...]
    unfinished: tuple[UnfinishedTrial, ...]
    counts: dict[Outcome, int]
    hypervolume: float
    knee: int | None
    history: tuple[HistoryEntry, ...]
    records: tuple[TrialRecord, ...] = ()
    setting: Mapping[str, Any] = field(default_factory=dict)
    confirmed: tuple[Confirmed, ...] = ()
    classes: int | None = None
    validation_images: int | None = None
    rungs: tuple[RungQuality, ...] = ()
    seed_noise: Mapping[str, float] = field(default_factory=dict)
    constraints: tuple[Objective, ...] = ()
    runs_flag: str = ""

    @property
    def criteria(self) -> tuple[Objective, ...]:
        """The objectives, then the constraints."""
        return (*self.objectives, *self.constraints)

    @property
    def metric_names(self) -> list[str]:
        """The metrics that tables show: objectives, then what the constraints limit, each once."""
        return list(dict.fromkeys(criterion.name for criterion in self.criteria))

    @property
    def front(self) -> tuple[CompletedTrial, ...]:
        """The Pareto front, from the best to the worst in the first objective; equal trials by number."""
        sign = -1 if self.objectives[0].maximise else 1
        front = [point for point in self.points if point.on_front]
        return tuple(sorted(front, key=lambda point: sign * point.metrics[self.objectives[0].name]))

    @property
    def dominated(self) -> tuple[CompletedTrial, ...]:
        """The completed trials that are not on the front."""
        return tuple(point for point in self.points if not point.on_front)


def front_data(
    search: str,
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    reference: Mapping[str, float],
    setting: Mapping[str, Any] | None = None,
    *,
    constraints: Sequence[Objective] = (),
) -> FrontData:
    """Return the front of a search from its trials, with a reference point in the units of the metrics.

    Only completed trials with finite values within the constraints can be on the front: the last report of a stopped
    trial is a value at its rung, never a final one.
    """
    names = list(dict.fromkeys(criterion.name for criterion in (*objectives, *constraints)))
    ordered = sorted(trials, key=lambda trial: trial.number)
    completed = [trial for trial in ordered if _has_final_values(trial, names)]
    losses = as_losses([trial.last_metrics for trial in completed], objectives)
    points = _points(completed, names, _ranks(completed, losses, constraints))
    allowed = [place for place, trial in enumerate(completed) if within_limits(trial.last_metrics, constraints)]
    history = _history([completed[place] for place in allowed], losses[allowed], objectives, reference)
    return FrontData(
        search=search,
        objectives=tuple(objectives),
        reference=_chosen(reference, [objective.name for objective in objectives]),
        points=points,
        unfinished=tuple(_unfinished(trial, names) for trial in ordered if not _has_final_values(trial, names)),
        counts=_counts(trials),
        hypervolume=history[-1].hypervolume if history else 0.0,
        knee=_knee_number(points, losses, objectives),
        history=history,
        records=tuple(ordered),
        setting=dict(setting or {}),
        constraints=tuple(constraints),
    )


def _ranks(completed: Sequence[TrialRecord], losses: FloatArray, constraints: Sequence[Objective]) -> list[int]:
    """Return the front of each trial; if none is within the constraints, they count from 1."""
    limits = loss_limits(constraints)
    if limits is None:
        return list(non_domination_rank(losses).tolist())
    beyond = violations(as_losses([trial.last_metrics for trial in completed], constraints), limits)
    ranks = constrained_rank(losses, beyond)
    return list((ranks + (0 if (beyond == 0).any() else 1)).tolist())


def _points(completed: Sequence[TrialRecord], names: Sequence[str], ranks: Sequence[int]) -> tuple[CompletedTrial, ...]:
    return tuple(
        CompletedTrial(
            number=trial.number,
            parameters=trial.parameters,
            metrics=_chosen(trial.last_metrics, names),
            epochs=trial.epochs_trained,
            pareto_rank=rank,
            best_epoch=round(trial.last_metrics[BEST_EPOCH]) if BEST_EPOCH in trial.last_metrics else None,
            last=_of_last_epoch(trial.last_metrics, names),
        )
        for trial, rank in zip(completed, ranks, strict=True)
    )


def _has_final_values(trial: TrialRecord, names: Sequence[str]) -> bool:
    metrics = trial.last_metrics
    return trial.outcome is Outcome.COMPLETED and all(math.isfinite(metrics.get(n, math.nan)) for n in names)


def _chosen(metrics: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    return {name: metrics[name] for name in names if name in metrics}


def _of_last_epoch(metrics: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    return {name: metrics[f"{LAST}{name}"] for name in names if f"{LAST}{name}" in metrics}


def _unfinished(trial: TrialRecord, names: Sequence[str]) -> UnfinishedTrial:
    return UnfinishedTrial(
        number=trial.number,
        parameters=trial.parameters,
        metrics={name: value for name in names if (value := latest(trial, name)) is not None},
        epochs=trial.epochs_trained,
        outcome=trial.outcome,
    )


def _counts(trials: Sequence[TrialRecord]) -> dict[Outcome, int]:
    counted = Counter(trial.outcome for trial in trials)
    ended_first = sorted(Outcome, key=lambda outcome: outcome is Outcome.RUNNING)
    return {outcome: counted[outcome] for outcome in ended_first}


def _knee_number(points: Sequence[CompletedTrial], losses: FloatArray, objectives: Sequence[Objective]) -> int | None:
    """Return the trial at the knee of the front, or of its part within the limits of the objectives."""
    front = [i for i, point in enumerate(points) if point.on_front and within_limits(point.metrics, objectives)]
    place = knee(losses[front])
    return None if place is None else points[front[place]].number


def _history(
    completed: Sequence[TrialRecord],
    losses: FloatArray,
    objectives: Sequence[Objective],
    reference: Mapping[str, float],
) -> tuple[HistoryEntry, ...]:
    """Return the front after each completed trial, in the order of their ends; trials that ended together by number."""
    ends = np.array([math.inf if trial.ended is None else trial.ended for trial in completed])
    order = np.argsort(ends, kind="stable")
    growth = front_growth(losses[order], as_losses([reference], objectives)[0])
    best_losses = np.minimum.accumulate(losses[order], axis=0)
    signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
    return tuple(
        HistoryEntry(
            number=completed[index].number,
            ended=float(ends[index]),
            hypervolume=volume,
            front_size=size,
            best={o.name: sign * loss for o, sign, loss in zip(objectives, signs, best, strict=True)},
        )
        for index, volume, size, best in zip(
            order, growth.hypervolumes.tolist(), growth.sizes.tolist(), best_losses.tolist(), strict=True
        )
    )
