"""The terminal: its width, and the plot of a front in characters on it."""

import os
import sys
from collections.abc import Sequence

from rich.console import Console

from tuner.report.figure.front_figure import FrontFigure, Mark
from tuner.report.figure.front_notes import Limits

# From back to front: a cell shows the last symbol that lies in it.
_UNFINISHED, _DOMINATED, _FRONT, _KNEE = "·", "∘", "●", "◆"
_WIDTH, _HEIGHT = 60, 12
_LEAST_WIDTH = 20
_MARGIN = 10  # tick labels and the axis
_UNBOUNDED = 10_000  # characters


def terminal() -> Console:
    """Return the console of standard output. A file or a pipe is as wide as needed, unless COLUMNS is set."""
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if bounded else _UNBOUNDED)


def print_plot(console: Console, shown: FrontFigure) -> None:
    """Print the plot of a front as wide as the terminal allows; print nothing if that is too narrow."""
    width = min(_WIDTH, console.width - _MARGIN)
    if width < _LEAST_WIDTH:
        return
    for line in plot_lines(shown, width):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="crop", crop=True)


def plot_lines(shown: FrontFigure, width: int = _WIDTH, height: int = _HEIGHT) -> list[str]:
    """Return the lines of a plot of `width` x `height` cells with labelled axes; nothing if no trial has values.

    No line is wider than `width` plus the tick labels and their margin.
    """
    layers = [
        (_UNFINISHED, "unfinished", [mark for marks in shown.unfinished.values() for mark in marks]),
        (_DOMINATED, "dominated", shown.dominated),
        (_FRONT, "front", shown.front),
        (_KNEE, "knee", [shown.knee] if shown.knee else []),
    ]
    legend = ", ".join(f"{symbol} {name}" for symbol, name, marks in reversed(layers) if marks)
    if not legend:
        return []
    drawn = [(symbol, marks) for symbol, _, marks in layers]
    cells = _cells(drawn, shown.x.limits, shown.y.limits, width, height)
    ticks = {0: f"{shown.y.limits[1]:.4g}", height - 1: f"{shown.y.limits[0]:.4g}"}
    margin = max(map(len, ticks.values()))
    rows = [f"{ticks.get(row, ''):>{margin}} ┤{''.join(line).rstrip()}" for row, line in enumerate(cells)]
    low, high = (f"{limit:.4g}" for limit in shown.x.limits)
    axis = f"{'':>{margin}} └{'─' * width}"
    numbers = f"{'':>{margin}}  {low}{shown.x.label.center(width - len(low) - len(high))}{high}"
    return [f"{shown.y.label}   {legend}", *rows, axis, numbers]


def cell(value: float, limits: Limits, count: int) -> int | None:
    """Return the index of a value's cell among `count`, None outside the limits; the last cell has the upper limit."""
    low, high = limits
    if not low <= value <= high:
        return None
    return min(int((value - low) / (high - low) * count), count - 1)


def _cells(
    layers: Sequence[tuple[str, Sequence[Mark]]], x_limits: Limits, y_limits: Limits, width: int, height: int
) -> list[list[str]]:
    rows = [[" "] * width for _ in range(height)]
    for symbol, marks in layers:
        for mark in marks:
            column, row = cell(mark.x, x_limits, width), cell(mark.y, y_limits, height)
            if column is not None and row is not None:
                rows[height - 1 - row][column] = symbol
    return rows
