"""The terminal: its width, and the plot of a front on it."""

import os
import sys

from rich.console import Console

from tuner.report.console.front_plot import LEAST_WIDTH, WIDTH, plot_lines
from tuner.report.figure.front_figure import FrontFigure

_MARGIN = 10  # tick labels and the axis
_UNBOUNDED = 10_000  # characters


def terminal() -> Console:
    """Return the console of standard output. A file or a pipe is as wide as needed, unless COLUMNS is set."""
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if bounded else _UNBOUNDED)


def print_plot(console: Console, shown: FrontFigure) -> None:
    """Print the plot of a front as wide as the terminal allows; print nothing if that is too narrow."""
    width = min(WIDTH, console.width - _MARGIN)
    if width < LEAST_WIDTH:
        return
    for line in plot_lines(shown, width):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="crop", crop=True)
