"""The result of attacking trials again: a table, what follows from it, and rows for CSV and JSON."""

from collections.abc import Sequence
from typing import Any

from training.metrics.interval import interval_of
from tuner.report.text import TextTable, count_of
from tuner.rerank.order import Row, agreement

_ALIKE = 0.8


def rerank_text_table(rows: Sequence[Row]) -> TextTable:
    """Return the trials by robust accuracy: per cent, the 95 % interval, and the places before and after."""
    at = ["At epoch"] if any(row.attacked.epoch is not None for row in rows) else []
    accuracies = ["Natural %", "PGD %", "Robust %", "95 % interval"]
    headings = ["Trial", *at, *accuracies, "Place by PGD", "Place now", "Front now"]
    return TextTable(headings, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    one = row.attacked
    low, high = interval_of(one.robust, one.images)
    percent = [f"{100 * value:.2f}" for value in (one.natural_accuracy, one.pgd_accuracy, one.robust_accuracy)]
    interval = f"{100 * low:.1f} to {100 * high:.1f}"
    return [
        str(one.trial),
        *([] if one.epoch is None else [str(one.epoch)]),
        *percent,
        interval,
        str(row.place_before),
        str(row.place_after),
        "yes" if row.on_front else "no",
    ]


def rerank_notes(rows: Sequence[Row], attacks: Sequence[str]) -> list[str]:
    """Return sentences: what was measured, how well the two orders agree, and which warning signs there were."""
    if not rows:
        return ["No trial was trained to the end: there is nothing to attack."]
    images = rows[0].attacked.images
    notes = [f"Robust: correct clean and under {', '.join(attacks)}, on {count_of(images, 'validation image')}."]
    tau = agreement(rows)
    if tau is not None:
        verdict = "The order hardly changes." if tau >= _ALIKE else "Choose by the robust accuracy, not by PGD."
        notes.append(f"Kendall's tau between the two orders is {tau:.2f} (1: the same order). {verdict}")
    signs = sorted({code for row in rows for code in row.attacked.warnings})
    if signs:
        notes.append(f"Warning signs: {', '.join(signs)}. docs/evaluate.md explains them.")
    return notes


def rerank_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the trials as plain values, accuracies in [0, 1]."""
    return [
        {
            "trial": row.attacked.trial,
            **({} if row.attacked.epoch is None else {"epoch": row.attacked.epoch}),
            "natural_accuracy": row.attacked.natural_accuracy,
            "pgd_accuracy": row.attacked.pgd_accuracy,
            "robust_accuracy": row.attacked.robust_accuracy,
            "robust_interval_95": list(interval_of(row.attacked.robust, row.attacked.images)),
            "images": row.attacked.images,
            "place_by_pgd": row.place_before,
            "place_now": row.place_after,
            "on_front_now": row.on_front,
            "warnings": list(row.attacked.warnings),
        }
        for row in rows
    ]
