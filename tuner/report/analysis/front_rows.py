"""Which reports of a trial may be points of the front: its last one, or with `every_evaluation` any evaluated epoch.

Every evaluated epoch is a model of its own, and so may be a better compromise than the last one (arXiv:2405.15303)."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tuner.ledger import made_of_reports
from tuner.ledger.records import Outcome, Report, TrialRecord
from tuner.pareto.dominance import constrained_rank, non_domination_rank, violations
from tuner.pareto.epochs import undominated_epochs
from tuner.pareto.objectives import FloatArray, Objective, as_losses, loss_limits
from tuner.space.repeats import trainings_of_points


class Row(NamedTuple):
    """What may be a point of the front: metrics of a trial, and the epoch that they are of; None for final values.

    With `repeats`, trainings of the same point with other seeds, the metrics are means over all of them.
    """

    trial: TrialRecord
    metrics: Mapping[str, float]
    epoch: int | None = None
    repeats: tuple[int, ...] = ()


def final_rows(trials: Sequence[TrialRecord], names: Sequence[str]) -> list[Row]:
    """Return the final values of the completed trials that have a finite value of each metric in `names`."""
    completed = [trial for trial in trials if trial.outcome is Outcome.COMPLETED]
    return [Row(trial, trial.last_metrics) for trial in completed if _is_whole(trial.last_metrics, names)]


def mean_rows(rows: Sequence[Row]) -> tuple[list[Row], list[tuple[Row, int]]]:
    """Return a row for each point, with the means of its trainings; and the repeats, each with its first trial.

    A repeat whose first trial is not among the rows is left out.
    """
    by_number = {row.trial.number: row for row in rows}
    means: list[Row] = []
    repeats: list[tuple[Row, int]] = []
    for first, *others in trainings_of_points({row.trial.number: row.trial.parameters for row in rows}):
        measured = [by_number[number].metrics for number in (first, *others)]
        shared = [name for name in measured[0] if all(name in metrics for metrics in measured)]
        mean = {name: statistics.fmean(metrics[name] for metrics in measured) for name in shared}
        means.append(by_number[first]._replace(metrics=mean if others else measured[0], repeats=tuple(others)))
        repeats += [(by_number[number], first) for number in others]
    return means, sorted(repeats, key=lambda repeat: repeat[0].trial.number)


def epoch_rows(
    trials: Sequence[TrialRecord], objectives: Sequence[Objective], constraints: Sequence[Objective]
) -> list[Row]:
    """Return the evaluated epochs of the trials that have ended, those that no other epoch of the trial dominates.

    Of a trial with no epoch within the constraints it is the last evaluated one.
    """
    key = ("epochs", tuple(objectives), tuple(constraints))
    return [
        Row(trial, report.metrics, report.epoch)
        for trial in trials
        if has_ended(trial)
        for report in made_of_reports(trial, key, lambda reports: _shown_reports(reports, objectives, constraints))
    ]


def _shown_reports(
    reports: Sequence[Report], objectives: Sequence[Objective], constraints: Sequence[Objective]
) -> list[Report]:
    names = [criterion.name for criterion in (*objectives, *constraints)]
    last = next((report for report in reversed(reports) if _is_whole(report.metrics, names)), None)
    return candidate_reports(reports, objectives, constraints) or ([last] if last else [])


def candidate_reports(
    reports: Sequence[Report], objectives: Sequence[Objective], constraints: Sequence[Objective]
) -> list[Report]:
    """Return the reports of a trial that can be points of a front, by epoch: `pareto.epochs` has the rule."""
    measured = {report.epoch: report.metrics for report in reports}
    best = set(undominated_epochs(measured, objectives, constraints))
    return [report for report in reports if report.epoch in best]


def ranks_of(rows: Sequence[Row], losses: FloatArray, constraints: Sequence[Objective]) -> list[int]:
    """Return the front of each row, with (rows, objectives) losses; if none is within the constraints, from 1."""
    limits = loss_limits(constraints)
    if limits is None:
        return list(non_domination_rank(losses).tolist())
    beyond = violations(as_losses([row.metrics for row in rows], constraints), limits)
    ranks = constrained_rank(losses, beyond)
    return list((ranks + (0 if (beyond == 0).any() else 1)).tolist())


def has_ended(trial: TrialRecord) -> bool:
    """Return whether a trial reports nothing more. One that is interrupted may go on."""
    return trial.outcome not in {Outcome.RUNNING, Outcome.INTERRUPTED}


def _is_whole(metrics: Mapping[str, float], names: Sequence[str]) -> bool:
    return all(math.isfinite(metrics.get(name, math.nan)) for name in names)
