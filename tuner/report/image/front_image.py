"""The front as PNG and SVG, for papers and descriptions, drawn by matplotlib without a display."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tuner.ledger.records import Outcome, trial_name
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.parameter_scales import ParameterScale
from tuner.report.analysis.published import PublishedPoint, by_source, is_named
from tuner.report.analysis.seed_means import MeanMark
from tuner.report.analysis.text_tables import summary
from tuner.report.figure.colours import GRID, KNEE, LINE, PLAIN, SCALE
from tuner.report.figure.front_figure import CONFIRMED, MEANS, Axis, FrontFigure, Mark, front_figure
from tuner.report.figure.unfinished_marks import AT_EPOCH, marks_inside, sparse_marks, unfinished_layers
from tuner.report.text import format_value

Form = Literal["png", "svg"]

WIDTH, HEIGHT, DPI = 1200, 800, 150  # pixels, pixels, pixels per inch
SUBTITLE_COLUMNS = 115  # characters
# A layer with more marks becomes one bitmap in an SVG: as vectors they would take seconds to show.
_MOST_VECTORS = 500
SYMBOLS = {
    Outcome.STOPPED: "x",
    Outcome.RUNNING: ">",
    Outcome.INTERRUPTED: ">",
    Outcome.FAILED: "+",
    Outcome.COMPLETED: "o",
}


def front_pictures(data: FrontData, shown: FrontFigure | None = None) -> dict[Form, bytes]:
    """Return the front of a search as a PNG of 1200 x 800 pixels and as an SVG of the same shape.

    `shown` is the layout of the data, if it is already known.
    """
    shown = shown or front_figure(data)
    figure, axes = empty_picture(shown.x, shown.y)
    if not shown.front and not shown.unfinished:
        axes.set(xticks=[], yticks=[])
        note: dict[str, Any] = {"ha": "center", "va": "center", "color": PLAIN}
        axes.text(0.5, 0.5, "No trial has values yet", transform=axes.transAxes, **note)
    write_title(axes, data.search, " ".join([summary(data), *shown.notes]))
    _draw_completed(axes, shown)
    _draw_unfinished(axes, shown)
    draw_published(axes, shown.published)
    draw_means(axes, shown.means, MEANS, LINE)
    draw_means(axes, shown.confirmed, CONFIRMED, KNEE)
    if shown.colours:
        _add_colour_bar(figure, axes, shown.colours)
    add_legend(figure, axes)
    png = encode_figure(figure, "png")
    figure.set_layout_engine("none")  # found by now, and the slowest part of drawing
    return {"png": png, "svg": encode_figure(figure, "svg")}


def empty_picture(x: Axis, y: Axis) -> tuple[Figure, Axes]:
    """Return a picture without marks, with labelled axes of these limits."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlim=x.limits, ylim=y.limits)
    axes.set_xlabel(x.label, parse_math=False)
    axes.set_ylabel(y.label, parse_math=False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend below the axes, if there is anything in it."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        columns = 6 if sum(map(len, labels)) < 90 else 3
        figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=7.5, columnspacing=1.5)


def encode_figure(figure: Figure, form: Form) -> bytes:
    """Return a figure as the content of a file; equal figures give equal bytes."""
    content = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "front"}):
        figure.savefig(content, format=form, metadata={"Date": None} if form == "svg" else None)
    return content.getvalue()


def draw_published(axes: Axes, published: Sequence[PublishedPoint]) -> None:
    """Draw the paper's points, a layer for each of its tables; points of a table with few points have labels."""
    for source, points in by_source(published).items():
        named = is_named(points)
        style: dict[str, Any] = {"s": 22, "marker": "D", "edgecolors": PLAIN, "linewidths": 0.8}
        style |= {"facecolors": PLAIN if named else "none", "label": f"Yu et al. 2023, {source}"}
        axes.scatter([point.natural for point in points], [point.pgd for point in points], **style)
        for index, point in enumerate(points if named else ()):
            words: dict[str, Any] = {"textcoords": "offset points", "fontsize": 6, "color": PLAIN, "clip_on": True}
            words |= {"va": "center", "ha": ("left", "right")[index % 2], "xytext": ((5, -5)[index % 2], 0)}
            axes.annotate(point.label, (point.natural, point.pgd), **words)


def draw_means(axes: Axes, means: Sequence[MeanMark], label: str, colour: str, **style: Any) -> None:
    """Draw means as squares with bars of a standard deviation in both directions."""
    if means:
        xs, ys = zip(*(mean.place for mean in means), strict=True)
        x_bars, y_bars = zip(*(mean.deviations for mean in means), strict=True)
        usual = {"fmt": "s", "markersize": 5, "markerfacecolor": "none", "capsize": 2, "elinewidth": 1.0, "zorder": 4}
        axes.errorbar(xs, ys, xerr=x_bars, yerr=y_bars, color=colour, label=label, **{**usual, **style})


def write_title(axes: Axes, title: str, subtitle: str) -> None:
    """Write a title, and small lines below it."""
    lines = textwrap.wrap(subtitle, SUBTITLE_COLUMNS)
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=8 + 10 * len(lines), parse_math=False)
    # The padding of the title makes room for these lines; as part of the layout, a long line would narrow the axes.
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "bottom", "fontsize": 7.5, "in_layout": False}
    axes.text(0, 1.015, "\n".join(lines), color=PLAIN, parse_math=False, **place)


def _draw_completed(axes: Axes, shown: FrontFigure) -> None:
    if shown.staircase:
        axes.plot(*zip(*shown.staircase, strict=True), color=LINE, linewidth=1.0)
    front = {"s": 52, "edgecolors": LINE, "linewidths": 0.8, "zorder": 3}
    scatter(axes, shown.front, "Pareto front", c=_colours(shown.front, shown.colours), **front)
    if shown.knee:
        ring = {"s": 150, "facecolors": "none", "edgecolors": KNEE, "linewidths": 1.4, "zorder": 3}
        scatter(axes, [shown.knee], f"knee: {trial_name(shown.knee.number)}", **ring)
    dominated = {"s": 20, "alpha": 0.4, "linewidths": 0.6, "edgecolors": LINE}
    seen = marks_inside(shown.dominated, shown.x.limits, shown.y.limits)
    scatter(axes, seen, "dominated", c=_colours(seen, shown.colours), **dominated)
    for limit, draw in zip(shown.accepted, (axes.axvline, axes.axhline), strict=True):
        if limit is not None:
            draw(limit, color=LINE, linewidth=0.8, linestyle=":")


def _draw_unfinished(axes: Axes, shown: FrontFigure) -> None:
    for name, outcome, grey, marks in unfinished_layers(shown):
        seen = marks_inside(marks, shown.x.limits, shown.y.limits)
        scatter(axes, seen, name, marker=SYMBOLS[outcome], s=14, color=grey, linewidths=0.8)
        for mark in sparse_marks(seen, shown.x.limits, shown.y.limits) if name.endswith(AT_EPOCH) else ():
            small: dict[str, Any] = {"xytext": (3, 2), "textcoords": "offset points", "fontsize": 5.5, "color": grey}
            axes.annotate(str(mark.epochs), (mark.x, mark.y), **small)


def scatter(axes: Axes, marks: Sequence[Mark], label: str, **style: Any) -> None:
    """Draw marks if there are any: an empty layer would still be in the legend."""
    if marks:
        bitmap = len(marks) > _MOST_VECTORS
        axes.scatter([mark.x for mark in marks], [mark.y for mark in marks], label=label, rasterized=bitmap, **style)


def _colours(marks: Sequence[Mark], scale: ParameterScale | None) -> Any:
    """Return the colour of each mark, (marks, 4); a mark without a value on the scale is plain."""
    colours = np.tile(to_rgba(PLAIN), (len(marks), 1))
    if scale:
        values = np.array([scale.value(mark.parameters) for mark in marks], dtype=np.float64)  # NaN for None
        valued = np.isfinite(values)
        colours[valued] = _mappable(scale).to_rgba(values[valued])
    return colours


def _mappable(scale: ParameterScale) -> ScalarMappable:
    norm = (LogNorm if scale.logarithmic else Normalize)(scale.low, scale.high)
    return ScalarMappable(norm, mpl.colormaps[SCALE])


def _add_colour_bar(figure: Figure, axes: Axes, scale: ParameterScale) -> None:
    bar = figure.colorbar(_mappable(scale), ax=axes, aspect=35, pad=0.015)
    bar.set_label(scale.parameter, parse_math=False)
    bar.outline.set_visible(False)
    if scale.logarithmic:
        bar.set_ticks(list(scale.ticks), labels=[format_value(tick) for tick in scale.ticks])
        bar.ax.yaxis.set_minor_locator(NullLocator())
