"""Confirmed trials beside the search's own: their marks in a figure and their table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from training.config import ACCURACY_SUFFIX
from tuner.ledger.records import trial_name
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import Confirmed
from tuner.report.analysis.seed_means import MeanMark, bar_of
from tuner.report.text import TextTable, format_mean

# The objectives of a front, and the names of the same measurements in a confirmation.
_STEPS = 20
NAMES = {"natural_accuracy": "Natural", "pgd_accuracy": f"PGD-{_STEPS}"}
NOTE = (
    "Measured on the test set, as mean ± standard deviation over the seeds. The search's own values are from its "
    "validation split."
)


def confirmed_marks(data: FrontData) -> tuple[MeanMark, ...]:
    """Return marks of the confirmed trials on the first two objectives, if confirmations measure these."""
    axes = [NAMES[objective.name] for objective in data.objectives[:2] if objective.name in NAMES]
    if len(axes) < 2:
        return ()
    x, y = axes
    return tuple(
        MeanMark(
            place=(100 * found.means[x], 100 * found.means[y]),
            deviations=(100 * bar_of(found.deviations[x]), 100 * bar_of(found.deviations[y])),
            description=(
                f"{trial_name(found.trial)}{_of_epoch(found)}, {_how(found)}",
                *(f"{name}: {_cell(found, name)}" for name in found.means),
                *([f"Warnings: {found.warnings}"] if found.warnings else []),
            ),
        )
        for found in data.confirmed
        if all(math.isfinite(found.means.get(name, math.nan)) for name in axes)
    )


def confirmed_notes(marks: Sequence[MeanMark], setting: Mapping[str, Any]) -> tuple[str, ...]:
    """Return notes on the squares of confirmed trials, also if their PGD is another than the search's."""
    if not marks:
        return ()
    steps = setting.get("eval_attack_steps")
    other = f" Their PGD takes {_STEPS} steps, that of the search {steps}." if steps not in {None, _STEPS} else ""
    return (f"Confirmed trials: {len(marks)}, as squares. {NOTE}{other}",)


def confirmed_text_table(data: FrontData, attacks: Sequence[str] | None = None) -> TextTable:
    """Return a table in per cent with a row for each trial of each confirmation, by default with all attacks."""
    measured = dict.fromkeys(name for found in data.confirmed for name in found.means)
    names = list(measured) if attacks is None else attacks
    rows = [
        [str(c.trial), *(_cell(c, name) for name in names), str(c.seeds), str(c.warnings), _measured(c), c.confirmation]
        for c in data.confirmed
    ]
    return TextTable(["Trial", *names, "Seeds", "Warnings", "Measured", "Confirmation"], rows)


def _measured(found: Confirmed) -> str:
    """Return what was measured in few words: two confirmations of one trial may differ in each of them."""
    weights = "trained again" if found.retrained else "own weights"
    epoch = ", best epoch" if found.select == "best" else _of_epoch(found)
    return f"{weights}{epoch}, {'named attacks' if found.attacks else found.suite}"


def _of_epoch(found: Confirmed) -> str:
    return "" if found.epoch is None else f", epoch {found.epoch}"


def _how(found: Confirmed) -> str:
    runs = f"trained again with {found.seeds} seeds" if found.retrained else "its own weights"
    attacks = f"attacks {', '.join(found.attacks)}" if found.attacks else f"suite {found.suite}"
    return f"confirmed by {found.confirmation}: {runs}, {attacks}"


def _cell(found: Confirmed, name: str) -> str:
    return format_mean(ACCURACY_SUFFIX, found.means.get(name), found.deviations.get(name))
