"""Rows of plain values, and how they are printed: as a table, JSON or CSV."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from training.config import ATTACK_STEPS
from tuner.ledger import Outcome, TrialRecord, latest, trial_name
from tuner.pareto.objectives import Objective, within_limits
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.text import finite_or_none, format_value, format_volume

# Columns that a narrow list of searches leaves out, the last one first.
_OPTIONAL = ("Front", "Hypervolume", "Created", "Space")


def trial_rows(
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    front_epochs: Mapping[int, Sequence[int]] | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each trial: `final` are the objectives of a completed trial, `last` the last measured ones.

    If the attack of the end is not that of the epochs before it, `last` has its steps as well. `front_epochs` are those
    on the front by trial, if points of the front are epochs.
    """
    names = [objective.name for objective in objectives]
    return [
        {
            "trial": trial.number,
            "name": trial_name(trial.number),
            "outcome": trial.outcome.value,
            "epochs_trained": trial.epochs_trained,
            "parameters": trial.parameters,
            "last": {n: finite_or_none(latest(trial, n)) for n in [*names, *_attack_steps(trial)]},
            "final": {n: finite_or_none(trial.last_metrics.get(n)) for n in names}
            if trial.outcome is Outcome.COMPLETED
            else None,
            "error": trial.error,
            **({} if front_epochs is None else {"front_epochs": list(front_epochs.get(trial.number, ()))}),
        }
        for trial in trials
    ]


def _attack_steps(trial: TrialRecord) -> list[str]:
    # Only of the last report: the ledger has not loaded the others.
    return [ATTACK_STEPS] if ATTACK_STEPS in trial.last_metrics else []


def completed_rows(trials: Sequence[CompletedTrial], criteria: Sequence[Objective]) -> list[dict[str, Any]]:
    """Return a row for each candidate of a front: number of the trial, epoch if it is of one, metrics, and so on.

    If criteria have limits, `within_limits` says whether the trial is within all of them.
    """
    limited = any(criterion.limit is not None for criterion in criteria)
    return [
        {
            "trial": point.number,
            **({} if point.epoch is None else {"epoch": point.epoch}),
            **point.metrics,
            **point.parameters,
            "epochs": point.epochs,
            **({"trainings": point.trainings} if any(each.repeats for each in trials) else {}),
            **({"within_limits": within_limits(point.metrics, criteria)} if limited else {}),
        }
        for point in trials
    ]


def print_rows(rows: Sequence[dict[str, Any]], form: str, columns: Sequence[str] = ()) -> None:
    """Print rows to standard output as "table", "json" or "csv"; nested values become columns a.b in CSV.

    Without a row CSV has the `columns` given.
    """
    if form == "json":
        sys.stdout.write(json.dumps(list(rows), indent=2) + "\n")
    elif form == "csv":
        nested = {key for row in rows for key, value in row.items() if isinstance(value, dict)}
        flat = [_flat(row, nested) for row in rows]
        writer = csv.DictWriter(sys.stdout, _flat_columns(rows, nested) or columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
    else:
        _print_table(rows)


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    from tuner.report.console.rich_table import rich_table
    from tuner.report.console.terminal import terminal
    from tuner.report.text import TextTable

    columns = _columns(rows)
    headings = [column.capitalize() for column in columns]
    cells = [[_cell(column, row.get(column)) for column in columns] for row in rows]
    terminal().print(rich_table("", "", TextTable(headings, cells), "", _OPTIONAL))


def _cell(column: str, value: Any) -> str:
    """Return a value as text for a narrow table: a date down to the minute."""
    if column == "hypervolume" and isinstance(value, float):
        return format_volume(value)
    return str(value)[:16].replace("T", " ") if column == "created" and value else format_value(value)


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _flat_columns(rows: Sequence[dict[str, Any]], nested: set[str]) -> list[str]:
    """Return the columns in the order of the keys: a parameter that only later trials have is beside the others."""
    found: list[str] = []
    for key in _columns(rows):
        inner = _columns([row[key] for row in rows if isinstance(row.get(key), dict)])
        found += [f"{key}.{name}" for name in inner] if key in nested else [key]
    return found


def _flat(row: dict[str, Any], nested: set[str]) -> dict[str, Any]:
    """Return nested values as columns a.b; a column that is nested in other rows only is left out."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
        elif key not in nested:
            flat[key] = value
    return flat
