"""What the page and the images share: the palette, layers of unfinished trials, visible and labelled marks."""

from collections.abc import Sequence

from tuner.ledger.records import Outcome
from tuner.report.figure.front_figure import FrontFigure, Mark
from tuner.report.figure.front_notes import Limits, count_outside

# One scale whose lightness grows with the value and greys for the rest: readable without colour vision.
SCALE = "viridis"
LINE = "#1f2933"  # the front's staircase and the rims of its points
PLAIN = "#52606d"  # small text, and completed trials without a value to colour them by
FAINT = "#9aa5b1"  # trials without final values
GRID = "#e4e7eb"
KNEE = "#c2410c"
# Okabe and Ito's colours, told apart by colour-blind people: one for each objective, or each search.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
# From the first rung to the last: later rungs are darker. The first grey has a contrast of 3 to 1.
_RUNG_GREYS = ("#8a949e", "#6b7681", "#4d5863", "#2f3a45")
_OTHERS_GREY = _RUNG_GREYS[1]
AT_EPOCH = "(at epoch)"  # in the name of a layer whose marks are labelled with their epochs


def unfinished_layers(shown: FrontFigure) -> list[tuple[str, Outcome, str, list[Mark]]]:
    """Return the unfinished marks by outcome, stopped ones also by rung, as (name, outcome, grey, marks)."""
    layers = []
    for outcome, marks in shown.unfinished.items():
        rungs = sorted({mark.epochs for mark in marks}) if outcome is Outcome.STOPPED else []
        if not 0 < len(rungs) <= len(_RUNG_GREYS):
            layers.append((f"{outcome.value} {AT_EPOCH}", outcome, _OTHERS_GREY, list(marks)))
            continue
        for rung, grey in zip(rungs, _RUNG_GREYS, strict=False):
            layers.append((f"stopped at epoch {rung}", outcome, grey, [m for m in marks if m.epochs == rung]))
    return layers


def marks_inside(marks: Sequence[Mark], x_limits: Limits, y_limits: Limits) -> list[Mark]:
    """Return the marks inside the limits: nobody can move an image, so it need not draw others or name them."""
    return [mark for mark in marks if count_outside([(mark.x, mark.y)], x_limits, y_limits) == 0]


def sparse_marks(marks: Sequence[Mark], x_limits: Limits, y_limits: Limits) -> list[Mark]:
    """Return marks inside the limits that are far enough apart for labels, on a raster of 25 x 30 cells."""
    chosen: dict[tuple[int, int], Mark] = {}
    for mark in marks:
        column = (mark.x - x_limits[0]) / (x_limits[1] - x_limits[0]) * 25
        row = (mark.y - y_limits[0]) / (y_limits[1] - y_limits[0]) * 30
        near = [(int(column) + i, int(row) + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        if 0 <= column < 25 and 0 <= row < 30 and chosen.keys().isdisjoint(near):
            chosen[int(column), int(row)] = mark
    return list(chosen.values())
