"""What confirmations measured of a search's trials on the test set, beside the search's own figures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from tuner.ledger.records import trial_name
from tuner.report.analysis.front_data import Confirmed, FrontData
from tuner.report.analysis.seed_means import MeanMark, bar_of
from tuner.report.text import format_metric
from tuner.report.text_table import Grid, rich_table

# The axes of a front, by the names that a confirmation's measurements have.
_STEPS = 20
NAMES = {"natural_accuracy": "Natural", "pgd_accuracy": f"PGD-{_STEPS}"}
NOTE = (
    "Measured on the test set, mean ± standard deviation over the seeds; the search's own figures are of its "
    "validation split."
)


def confirmed_marks(data: FrontData) -> tuple[MeanMark, ...]:
    """Place the confirmed trials on the first two objectives; none if a confirmation does not measure these."""
    axes = [NAMES.get(objective.name) for objective in data.objectives[:2]]
    if len(axes) < 2 or None in axes:
        return ()
    return tuple(
        MeanMark(
            place=_pair([100 * found.means[str(name)] for name in axes]),
            deviations=_pair([100 * bar_of(found.deviations[str(name)]) for name in axes]),
            description=(
                f"{trial_name(found.trial)}, {_how(found)}",
                *(f"{name}: {_cell(found, name)}" for name in found.means),
                *([f"Warnings: {found.warnings}"] if found.warnings else []),
            ),
        )
        for found in data.confirmed
        if all(math.isfinite(found.means.get(str(name), math.nan)) for name in axes)
    )


def confirmed_notes(marks: Sequence[MeanMark], setting: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what the squares of a picture with confirmed trials are, and if another PGD attacked them than the search."""
    if not marks:
        return ()
    steps = setting.get("eval_attack_steps")
    other = f" Their PGD accuracy is of {_STEPS} steps, the search's of {steps}." if steps not in {None, _STEPS} else ""
    return (f"Confirmed trials: {len(marks)}, as squares. {NOTE}{other}",)


def confirmed_grid(data: FrontData) -> Grid:
    """Tabulate what was confirmed, in per cent, a row for each trial of each confirmation."""
    names = list(dict.fromkeys(name for found in data.confirmed for name in found.means))
    rows = [
        [
            str(found.trial),
            *(_cell(found, name) for name in names),
            str(found.seeds),
            str(found.warnings),
            found.confirmation,
        ]
        for found in data.confirmed
    ]
    return Grid(["Trial", *names, "Seeds", "Warnings", "Confirmation"], rows)


def confirmed_table(data: FrontData) -> RenderableType:
    """Give the confirmed trials as a table for a terminal: natural accuracy, PGD, the worst case, and warnings."""
    names = [name for name in (*NAMES.values(), "Worst case") if any(name in found.means for found in data.confirmed)]
    whole = confirmed_grid(data)
    kept = [index for index, heading in enumerate(whole.headings) if heading in {"Trial", *names, "Seeds", "Warnings"}]
    grid = Grid([whole.headings[index] for index in kept], [[row[index] for index in kept] for row in whole.rows])
    by = ", ".join(dict.fromkeys(found.confirmation for found in data.confirmed))
    return rich_table(f"Confirmed by {by}, in per cent", NOTE, grid, emphasised="")


def _how(found: Confirmed) -> str:
    runs = f"trained again with {found.seeds} seeds" if found.retrained else "its own weights"
    return f"confirmed by {found.confirmation}: {runs}, suite {found.suite}"


def _cell(found: Confirmed, name: str) -> str:
    """Write an accuracy in per cent with its deviation."""
    if name not in found.means:
        return format_metric("_accuracy", None)
    mean, deviation = format_metric("_accuracy", found.means[name]), found.deviations[name]
    return mean if deviation is None or math.isnan(deviation) else f"{mean} ± {100 * deviation:.2f}"


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return values[0], values[1]
