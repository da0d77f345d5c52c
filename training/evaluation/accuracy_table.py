"""An evaluation as a text table: one row per attack, the worst case, and the warning signs below."""

import math
import textwrap
from collections.abc import Sequence

from training.evaluation.result import AttackResult, Evaluation
from training.metrics.interval import interval_of

_WIDTH = 100
_NO_HEADLINE = (
    "The latent is sampled: the last row is the union of attacks in expectation over draws and of attacks on the mean"
    " path, and no headline. Report the figure of the latent's mean (--latent mean)."
)


def format_table(evaluation: Evaluation) -> str:
    """Return the natural accuracy, each attack and the worst case in percent, and below them every warning sign.

    Beside each accuracy is its 95 % interval, as if the images were drawn anew. The union of a sampled latent is no
    headline, and the table says so.
    """
    rows = [("attack", "norm", "epsilon", "accuracy %", "95 % interval", "mean distance"), *_rows(evaluation)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    if is_sampled(evaluation):
        lines += textwrap.wrap(_NO_HEADLINE, _WIDTH, subsequent_indent="  ")
    for sign in evaluation.warnings:
        lines += textwrap.wrap(f"WARNING {sign.code}: {sign.message}", _WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def is_sampled(evaluation: Evaluation) -> bool:
    """Return whether the figures are those of draws of the latent, not of its mean."""
    return bool(evaluation.record.get("latent", "mean") != "mean")


def _rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("natural", "", "", *_accuracy(evaluation.natural), "")]
    shown = [result for result in evaluation.attacks if not result.curve]
    rows += [_row(result) for result in shown]
    # Some attacks, such as the representation attack, have radii of their own. The suite's epsilon comes last.
    for radius in [r for r in evaluation.radii if r > evaluation.epsilon] + [evaluation.epsilon]:
        worst = evaluation.robust_within(radius)
        label = "union, sampled latent" if is_sampled(evaluation) else "worst over these attacks"
        rows.append((label, evaluation.norm, f"{radius:.4g}", *_accuracy(worst), ""))
    return rows


def _row(result: AttackResult) -> tuple[str, ...]:
    name = f"  then {result.name}" if result.part_of else result.name
    radius = f"{result.epsilon:.4g}" if math.isfinite(result.epsilon) else "-"
    mean = f"{sum(result.distances) / len(result.distances):.4g}" if result.distances else "-"
    return (name, result.norm, radius, *_accuracy(result.robust), mean)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
    figures = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join(words + figures).rstrip()


def _accuracy(right: Sequence[bool]) -> tuple[str, str]:
    low, high = interval_of(sum(right), len(right))
    return f"{100 * sum(right) / len(right):.2f}", f"{100 * low:.1f} – {100 * high:.1f}"
