"""One trial of a search: its parameters, what it measured at its rungs, and why it went on or was stopped there."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from training.config import ATTACK_STEPS
from tuner.ledger import Report, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.console.listing import trial_rows
from tuner.report.console.rich_table import rich_table
from tuner.report.text import TextTable, count_of, finite_or_none, format_metric, format_value, metric_heading


def trial_details(
    search: str, trial: TrialRecord, criteria: Sequence[Objective], on_front: Sequence[int] = ()
) -> RenderableType:
    """Return a trial as a table for a terminal, a row for each rung, the last epoch, and each epoch `on_front`."""
    table = decisions_table(trial, criteria, on_front)
    return rich_table(_title(search, trial), trial_caption(trial), table, emphasised="")


def decisions_table(trial: TrialRecord, criteria: Sequence[Objective], on_front: Sequence[int] = ()) -> TextTable:
    """Return what a trial measured at rungs, its last epoch and those on the front, and the reason of each decision.

    If the attack of the end is not that of the rungs, there is a column with its steps.
    """
    decisive = _decisive(trial, on_front)
    steps = [ATTACK_STEPS] if any(ATTACK_STEPS in report.metrics for report in decisive) else []
    names = [*dict.fromkeys(criterion.name for criterion in criteria), *steps]
    rows = [
        [
            str(report.epoch),
            *(format_metric(n, report.metrics.get(n)) for n in names),
            f"{'on the front; ' if report.epoch in on_front else ''}{decision_text(report)}",
        ]
        for report in decisive
    ]
    return TextTable(["Epoch", *map(metric_heading, names), "Decision"], rows)


def trial_detail_row(trial: TrialRecord, criteria: Sequence[Objective], on_front: Sequence[int] = ()) -> dict[str, Any]:
    """Return a trial as plain values: its row among all trials, and its decisions."""
    (row,) = trial_rows([trial], criteria)
    decisions = [
        {
            "epoch": report.epoch,
            "metrics": {name: finite_or_none(value) for name, value in report.metrics.items()},
            "decision": report.decision.value,
            "reason": report.reason,
            **({"on_front": report.epoch in on_front} if on_front else {}),
        }
        for report in _decisive(trial, on_front)
    ]
    return {**row, "crashes": trial.crashes, "decisions": decisions}


def _decisive(trial: TrialRecord, on_front: Sequence[int]) -> list[Report]:
    reports = list(trial.reports)
    return [report for report in reports if report.rung or report is reports[-1] or report.epoch in on_front]


def _title(search: str, trial: TrialRecord) -> str:
    parameters = ", ".join(f"{name} = {format_value(value)}" for name, value in trial.parameters.items())
    return f"Trial {trial.number} of {search}: {parameters}"


def trial_caption(trial: TrialRecord) -> str:
    """Return the state of a trial as a sentence, with its error."""
    state = f"{trial.outcome.value.capitalize()} after {count_of(trial.epochs_trained, 'epoch')}."
    return f"{state.removesuffix('.')}: {trial.error}" if trial.error else state


def decision_text(report: Report) -> str:
    """Return the decision on a report in words, with its reason if one is on record."""
    return report.reason or {"complete": "trained to the end", "stop": "stopped: a value is not finite"}.get(
        report.decision.value, "goes on"
    )
