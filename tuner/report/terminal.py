"""The plot of a front on a terminal of a certain width."""

from rich.console import Console

from tuner.report.figure import front_figure
from tuner.report.front_data import FrontData
from tuner.report.terminal_plot import LEAST_WIDTH, WIDTH, plot_lines

_MARGIN = 10  # tick labels and the axis


def print_plot(console: Console, data: FrontData) -> None:
    """Print the plot of a front, as wide as the terminal allows; a narrow one gets none."""
    width = min(WIDTH, console.width - _MARGIN)
    if width < LEAST_WIDTH:
        return
    for line in plot_lines(front_figure(data), width):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="crop", crop=True)
