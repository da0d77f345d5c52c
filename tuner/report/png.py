"""The front as a PNG, for papers and for descriptions, drawn by matplotlib without a display."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tuner.ledger.records import Outcome, trial_name
from tuner.report.colours import FAINT, GRID, KNEE, LINE, PLAIN, SCALE, ColourScale
from tuner.report.figure import FrontFigure, Mark, front_figure, sparse
from tuner.report.format import format_value
from tuner.report.front_data import FrontData
from tuner.report.tables import summary

WIDTH, HEIGHT, DPI = 1200, 800, 150  # pixels, pixels, pixels per inch
SUBTITLE_COLUMNS = 115  # characters
SYMBOLS = {Outcome.STOPPED: "x", Outcome.RUNNING: ">", Outcome.INTERRUPTED: ">", Outcome.FAILED: "+"}


def front_png(data: FrontData) -> bytes:
    """Draw the front of a search as a PNG of 1200 x 800 pixels."""
    shown = front_figure(data)
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = _framed_axes(figure, shown)
    _write_title(axes, data.search, " ".join([summary(data), *shown.notes]))
    _draw_completed(axes, shown)
    _draw_unfinished(axes, shown)
    if shown.colours:
        _add_colour_bar(figure, axes, shown.colours)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=7.5, columnspacing=1.5)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _framed_axes(figure: Figure, shown: FrontFigure) -> Axes:
    axes = figure.add_subplot()
    axes.set(xlim=shown.x.limits, ylim=shown.y.limits)
    axes.set_xlabel(shown.x.label, parse_math=False)
    axes.set_ylabel(shown.y.label, parse_math=False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not shown.front and not shown.unfinished:
        axes.set(xticks=[], yticks=[])
        note: dict[str, Any] = {"ha": "center", "va": "center", "color": PLAIN}
        axes.text(0.5, 0.5, "No trial has values yet", transform=axes.transAxes, **note)
    return axes


def _write_title(axes: Axes, title: str, subtitle: str) -> None:
    lines = textwrap.wrap(subtitle, SUBTITLE_COLUMNS)
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=8 + 10 * len(lines), parse_math=False)
    # The title's padding makes the room; in the layout, a long line would shrink the axes' width too.
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "bottom", "fontsize": 7.5, "in_layout": False}
    axes.text(0, 1.015, "\n".join(lines), color=PLAIN, parse_math=False, **place)


def _draw_completed(axes: Axes, shown: FrontFigure) -> None:
    if shown.staircase:
        axes.plot(*zip(*shown.staircase, strict=True), color=LINE, linewidth=1.0)
    front = {"s": 52, "edgecolors": LINE, "linewidths": 0.8, "zorder": 3}
    _scatter(axes, shown.front, "Pareto front", c=_colours(shown.front, shown.colours), **front)
    if shown.knee:
        ring = {"s": 150, "facecolors": "none", "edgecolors": KNEE, "linewidths": 1.4, "zorder": 3}
        _scatter(axes, [shown.knee], f"knee: {trial_name(shown.knee.number)}", **ring)
    dominated = {"s": 20, "alpha": 0.4, "linewidths": 0}
    _scatter(axes, shown.dominated, "dominated", c=_colours(shown.dominated, shown.colours), **dominated)


def _draw_unfinished(axes: Axes, shown: FrontFigure) -> None:
    for outcome, marks in shown.unfinished.items():
        style = {"marker": SYMBOLS[outcome], "s": 14, "color": FAINT, "linewidths": 0.8}
        _scatter(axes, marks, f"{outcome.value} (at epoch)", **style)
    unfinished = [mark for marks in shown.unfinished.values() for mark in marks]
    for mark in sparse(unfinished, shown.x.limits, shown.y.limits):
        small: dict[str, Any] = {
            "xytext": (3, 2),
            "textcoords": "offset points",
            "fontsize": 5.5,
            "color": FAINT,
        }
        axes.annotate(str(mark.epochs), (mark.x, mark.y), **small)


def _scatter(axes: Axes, marks: Sequence[Mark], label: str, **style: Any) -> None:
    """Draw marks, if any: none would still be in the legend."""
    if marks:
        axes.scatter([mark.x for mark in marks], [mark.y for mark in marks], label=label, **style)


def _colours(marks: Sequence[Mark], scale: ColourScale | None) -> list[Any]:
    mappable = _mappable(scale) if scale else None
    return [PLAIN if mappable is None or m.colour is None else mappable.to_rgba(np.array(m.colour)) for m in marks]


def _mappable(scale: ColourScale) -> ScalarMappable:
    norm = (LogNorm if scale.logarithmic else Normalize)(scale.low, scale.high)
    return ScalarMappable(norm, mpl.colormaps[SCALE])


def _add_colour_bar(figure: Figure, axes: Axes, scale: ColourScale) -> None:
    bar = figure.colorbar(_mappable(scale), ax=axes, aspect=35, pad=0.015)
    bar.set_label(scale.parameter, parse_math=False)
    bar.outline.set_visible(False)
    if scale.logarithmic:
        bar.set_ticks(list(scale.ticks), labels=[format_value(tick) for tick in scale.ticks])
        bar.ax.yaxis.set_minor_locator(NullLocator())
