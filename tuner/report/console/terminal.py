"""The terminal: how wide it is, and the plot of a front on it."""

import os
import sys

from rich.console import Console

from tuner.report.console.front_plot import LEAST_WIDTH, WIDTH, plot_lines
from tuner.report.figure.front_figure import FrontFigure

_MARGIN = 10  # tick labels and the axis


_UNBOUNDED = 10_000  # characters


def terminal() -> Console:
    """Give the console of standard output; a file or a pipe is as wide as it needs, unless COLUMNS says otherwise."""
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if bounded else _UNBOUNDED)


def print_plot(console: Console, shown: FrontFigure) -> None:
    """Print the plot of a front, as wide as the terminal allows; a narrow one gets none."""
    width = min(WIDTH, console.width - _MARGIN)
    if width < LEAST_WIDTH:
        return
    for line in plot_lines(shown, width):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="crop", crop=True)
