"""What a front's page and its images share: unfinished trials by outcome and rung, marks that are seen and labelled."""

from collections.abc import Sequence

from tuner.ledger.records import Outcome
from tuner.report.figure.axis_limits import Limits, outside
from tuner.report.figure.front_figure import FrontFigure, Mark

# From the first rung to the last: the further a trial came, the darker it is. The first has a contrast of 3 to 1.
RUNG_GREYS = ("#8a949e", "#6b7681", "#4d5863", "#2f3a45")
OTHERS_GREY = RUNG_GREYS[1]
AT_EPOCH = "(at epoch)"  # of a layer whose marks are labelled with their epochs


def unfinished_layers(shown: FrontFigure) -> list[tuple[str, Outcome, str, list[Mark]]]:
    """Part the unfinished marks by outcome, the stopped ones by their rung too: (name, outcome, grey, marks)."""
    layers = []
    for outcome, marks in shown.unfinished.items():
        rungs = sorted({mark.epochs for mark in marks}) if outcome is Outcome.STOPPED else []
        if not 0 < len(rungs) <= len(RUNG_GREYS):
            layers.append((f"{outcome.value} {AT_EPOCH}", outcome, OTHERS_GREY, list(marks)))
            continue
        for rung, grey in zip(rungs, RUNG_GREYS, strict=False):
            layers.append((f"stopped at epoch {rung}", outcome, grey, [m for m in marks if m.epochs == rung]))
    return layers


def inside(marks: Sequence[Mark], x_limits: Limits, y_limits: Limits) -> list[Mark]:
    """Choose the marks in a frame: a picture that nobody can move shows no others, and no legend of theirs."""
    return [mark for mark in marks if outside([(mark.x, mark.y)], x_limits, y_limits) == 0]


def sparse(marks: Sequence[Mark], x_limits: Limits, y_limits: Limits) -> list[Mark]:
    """Choose marks inside the frame far enough apart to be labelled: the frame is cut into 25 x 30 cells."""
    chosen: dict[tuple[int, int], Mark] = {}
    for mark in marks:
        column = (mark.x - x_limits[0]) / (x_limits[1] - x_limits[0]) * 25
        row = (mark.y - y_limits[0]) / (y_limits[1] - y_limits[0]) * 30
        near = [(int(column) + i, int(row) + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        if 0 <= column < 25 and 0 <= row < 30 and chosen.keys().isdisjoint(near):
            chosen[int(column), int(row)] = mark
    return list(chosen.values())
