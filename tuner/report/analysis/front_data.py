"""The state of a search: its front, the other trials, and how the front grew.

All tables, files and figures use one `FrontData`, so that their numbers agree.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from training.config import BEST_EPOCH, LAST
from tuner.ledger.records import Outcome, TrialRecord, latest
from tuner.pareto.objectives import FloatArray, Objective, as_losses, within_limits
from tuner.pareto.select import knee
from tuner.report.analysis.front_history import HistoryEntry, front_history
from tuner.report.analysis.front_points import CompletedTrial, Confirmed, UnfinishedTrial
from tuner.report.analysis.front_rows import Row, epoch_rows, final_rows, mean_rows, ranks_of
from tuner.search.forecast.rung_quality import RungQuality


@dataclass(frozen=True, slots=True)
class FrontData:
    """A search at one moment.

    `points`, `repeats` and `unfinished` are sorted by trial number and hold every trial once. `repeats` train the point
    of another trial with another seed (`reseed: front`), and are part of its means. The front is that of the
    `candidates`: these are `points`, or with `every_epoch` (`candidates: every_evaluation`) evaluated epochs of the
    trials that have ended, by trial and epoch, and a trial has the rank of its best one. `history` has an entry for
    each trial with a candidate within the constraints, in the order in which they ended. `reference` is the reference
    point of the hypervolume in the units of the metrics, `knee` the number of the trial at the front's knee, within
    the limits of the objectives, if there is one, and `knee_epoch` its epoch with `every_epoch`.

    `records` are all trials with their reports, by number; `setting` is what is the same in all of them, by the keys of
    a space's `trial`; `confirmed` what confirmations measured; `classes` the number of classes of the data and
    `validation_images` that of the images by which trials are compared, if they are known; `rungs` how well each rung
    says the end and `seed_noise` the standard deviation of each metric between seeds, if the models of the forecast
    were asked; `runs_flag` is what a command about the search needs beside its name.
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
    candidates: tuple[CompletedTrial, ...] = ()
    every_epoch: bool = False
    knee_epoch: int | None = None
    repeats: tuple[CompletedTrial, ...] = ()

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
        front = [point for point in self.candidates if point.on_front]
        return tuple(sorted(front, key=lambda point: sign * point.metrics[self.objectives[0].name]))

    @property
    def dominated(self) -> tuple[CompletedTrial, ...]:
        """The candidates that are not on the front."""
        return tuple(point for point in self.candidates if not point.on_front)

    @property
    def front_epochs(self) -> dict[int, list[int]]:
        """The epochs on the front by trial, ascending; empty unless every evaluated epoch may be a point of it."""
        found: dict[int, list[int]] = {}
        for point in self.candidates:
            if point.on_front and point.epoch is not None:
                found.setdefault(point.number, []).append(point.epoch)
        return found

    def is_knee(self, point: CompletedTrial) -> bool:
        """Return whether a candidate is the knee of the front."""
        return (point.number, point.epoch) == (self.knee, self.knee_epoch)


def front_data(
    search: str,
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    reference: Mapping[str, float],
    setting: Mapping[str, Any] | None = None,
    *,
    constraints: Sequence[Objective] = (),
    every_epoch: bool = False,
    reseeds: bool = False,
) -> FrontData:
    """Return the front of a search from its trials, with a reference point in the units of the metrics.

    Only completed trials with finite values within the constraints can be on the front: the last report of a stopped
    trial is a value at its rung, never a final one. With `every_epoch` an evaluated epoch of any trial that has ended
    can be on it, as what it is: the model of this epoch. If the search `reseeds`, a trial has the means over the
    trainings of its point.
    """
    names = list(dict.fromkeys(criterion.name for criterion in (*objectives, *constraints)))
    ordered = sorted(trials, key=lambda trial: trial.number)
    completed = final_rows(ordered, names)
    finals, again = mean_rows(completed) if reseeds else (completed, [])
    rows = epoch_rows(ordered, objectives, constraints) if every_epoch else finals
    losses = as_losses([row.metrics for row in rows], objectives)
    candidates = _points(rows, names, ranks_of(rows, losses, constraints))
    allowed = [place for place, row in enumerate(rows) if within_limits(row.metrics, constraints)]
    history = front_history([rows[place] for place in allowed], losses[allowed], objectives, reference)
    bend = _knee(candidates, losses, objectives)
    final = {row.trial.number for row in completed}
    return FrontData(
        search=search,
        objectives=tuple(objectives),
        reference=_chosen(reference, [objective.name for objective in objectives]),
        points=_points(finals, names, _best_ranks(finals, candidates)) if every_epoch else candidates,
        unfinished=tuple(_unfinished(trial, names) for trial in ordered if trial.number not in final),
        counts=_counts(trials),
        hypervolume=history[-1].hypervolume if history else 0.0,
        knee=None if bend is None else bend.number,
        history=history,
        records=tuple(ordered),
        setting=dict(setting or {}),
        constraints=tuple(constraints),
        candidates=candidates,
        every_epoch=every_epoch,
        knee_epoch=None if bend is None else bend.epoch,
        repeats=_repeats(again, names, candidates),
    )


def _repeats(
    again: Sequence[tuple[Row, int]], names: Sequence[str], candidates: Sequence[CompletedTrial]
) -> tuple[CompletedTrial, ...]:
    """Return the repeats, each with the trial that it repeats, as rows of their own metrics."""
    ranks = {point.number: point.pareto_rank for point in candidates}
    points = _points([row for row, _ in again], names, [ranks[first] for _, first in again])
    return tuple(replace(point, repeat_of=first) for point, (_, first) in zip(points, again, strict=True))


def _best_ranks(rows: Sequence[Row], candidates: Sequence[CompletedTrial]) -> list[int]:
    """Return for the trial of each row the rank of its best candidate."""
    best: dict[int, int] = {}
    for point in candidates:
        best[point.number] = min(point.pareto_rank, best.get(point.number, point.pareto_rank))
    return [best[row.trial.number] for row in rows]


def _points(rows: Sequence[Row], names: Sequence[str], ranks: Sequence[int]) -> tuple[CompletedTrial, ...]:
    return tuple(
        CompletedTrial(
            number=trial.number,
            parameters=trial.parameters,
            metrics=_chosen(metrics, names),
            epochs=trial.epochs_trained,
            pareto_rank=rank,
            best_epoch=round(metrics[BEST_EPOCH]) if BEST_EPOCH in metrics else None,
            last=_of_last_epoch(metrics, names),
            epoch=epoch,
            repeats=repeats,
        )
        for (trial, metrics, epoch, repeats), rank in zip(rows, ranks, strict=True)
    )


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


def _knee(
    candidates: Sequence[CompletedTrial], losses: FloatArray, objectives: Sequence[Objective]
) -> CompletedTrial | None:
    """Return the knee of the front, or of its part within the limits of the objectives."""
    front = [i for i, point in enumerate(candidates) if point.on_front and within_limits(point.metrics, objectives)]
    place = knee(losses[front])
    return None if place is None else candidates[front[place]]
