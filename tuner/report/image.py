"""A front, or several fronts, as PNG and SVG for papers and descriptions, drawn by matplotlib without a display."""

import math
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

from tuner.ledger.records import Outcome
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.parameter_effects import ParameterScale
from tuner.report.analysis.published import PublishedPoint, by_source, is_named
from tuner.report.analysis.seed_means import MeanMark
from tuner.report.analysis.text_tables import summary
from tuner.report.figure.appearance import (
    AT_EPOCH,
    GRID,
    KNEE,
    LINE,
    PALETTE,
    PLAIN,
    SCALE,
    marks_inside,
    sparse_marks,
    unfinished_layers,
)
from tuner.report.figure.comparison import Comparison
from tuner.report.figure.front_figure import CONFIRMED, MEANS, Axis, FrontFigure, Mark, front_figure, further_figures
from tuner.report.text import format_value

Form = Literal["png", "svg"]

_WIDTH, _HEIGHT, _DPI = 1200, 800, 150  # pixels, pixels, pixels per inch
_PANEL, _BESIDE = 560, 160  # pixels of a panel, and of title, legend and colour bar together
_MOST_COLUMNS = 3
_TITLE_COLUMNS = 60  # a longer title of a comparison would not fit; the legend has all names
_SUBTITLE_COLUMNS = 115  # characters
# A layer with more marks becomes one bitmap in an SVG: as vectors they would take seconds to show.
_MOST_VECTORS = 500
_SYMBOLS = {
    Outcome.STOPPED: "x",
    Outcome.RUNNING: ">",
    Outcome.INTERRUPTED: ">",
    Outcome.FAILED: "+",
    Outcome.COMPLETED: "o",
}
_COMPARISON_SYMBOLS = ("o", "s", "^", "p", "*", "h", "X")


def front_pictures(data: FrontData, shown: FrontFigure | None = None) -> dict[Form, bytes]:
    """Return the front of a search as a PNG of 1200 x 800 pixels and as an SVG of the same shape.

    With three objectives or more, there is a panel for each pair of them, at most three beside each other, and the
    picture is larger. `shown` is the layout of the first pair, if it is already known.
    """
    panels = (shown or front_figure(data), *further_figures(data))
    figure, all_axes = _empty_panels(panels)
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel)
    columns = min(_MOST_COLUMNS, len(panels))
    _write_title(all_axes[0], data.search, " ".join([summary(data), *panels[0].notes, *_outside(panels)]), columns)
    if panels[0].colours:
        _add_colour_bar(figure, all_axes, panels[0].colours)
    _add_legend(figure, all_axes)
    png = _encode_figure(figure, "png")
    figure.set_layout_engine("none")  # found by now, and the slowest part of drawing
    return {"png": png, "svg": _encode_figure(figure, "svg")}


def _outside(panels: Sequence[FrontFigure]) -> list[str]:
    """Return what the axes leave out; of several panels, with the names of their axes."""
    if len(panels) == 1:
        return list(panels[0].outside)
    return [f"{panel.y.label} against {panel.x.label}: {' '.join(panel.outside)}" for panel in panels if panel.outside]


def comparison_picture(shown: Comparison, form: Form) -> bytes:
    """Return several fronts in the layout of the paper's Figure 3, each with a colour and a symbol.

    A front is a step line with points; the means of a grid with seeds are a line with bars.
    """
    figure, axes = _empty_picture(shown.x, shown.y)
    fits = len(shown.title) <= _TITLE_COLUMNS
    title = shown.title if fits else f"{shown.title[: _TITLE_COLUMNS - 1]}…"
    _write_title(axes, title, " ".join(shown.figure_notes))
    for (name, front), colour, symbol in zip(shown.fronts.items(), PALETTE, _COMPARISON_SYMBOLS, strict=False):
        if front.means:
            _draw_means(axes, front.means, name, colour, fmt=f"{symbol}-", linewidth=1.2)
            continue
        dim: dict[str, Any] = {"s": 16, "alpha": 0.4, "linewidths": 0.6, "edgecolors": LINE, "facecolors": colour}
        _scatter(axes, front.dominated, "", marker=symbol, **dim)
        if front.staircase:
            axes.plot(*zip(*front.staircase, strict=True), color=colour, linewidth=1.2)
        style: dict[str, Any] = {"s": 44, "marker": symbol, "color": colour, "zorder": 3}
        _scatter(axes, front.front, name, **style)
        if not front.front:  # nothing to draw yet, but it is in the legend, as on the page
            axes.scatter([], [], label=name, **style)
    _draw_published(axes, shown.published)
    _add_legend(figure, [axes])
    return _encode_figure(figure, form)


def _draw_panel(axes: Axes, shown: FrontFigure) -> None:
    if not shown.front and not shown.unfinished:
        axes.set(xticks=[], yticks=[])
        note: dict[str, Any] = {"ha": "center", "va": "center", "color": PLAIN}
        axes.text(0.5, 0.5, "No trial has values yet", transform=axes.transAxes, **note)
    _draw_completed(axes, shown)
    _draw_unfinished(axes, shown)
    _draw_published(axes, shown.published)
    _draw_means(axes, shown.means, MEANS, LINE)
    _draw_means(axes, shown.confirmed, CONFIRMED, KNEE)


def _empty_panels(panels: Sequence[FrontFigure]) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes for each panel, row by row."""
    columns = min(_MOST_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    width, height = (_WIDTH, _HEIGHT) if columns == 1 else (columns * _PANEL + _BESIDE, rows * _PANEL + _BESIDE)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = [figure.add_subplot(rows, columns, place) for place in range(1, len(panels) + 1)]
    for axes, panel in zip(all_axes, panels, strict=True):
        _set_axes(axes, panel.x, panel.y)
    return figure, all_axes


def _empty_picture(x: Axis, y: Axis) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _set_axes(axes, x, y)
    return figure, axes


def _set_axes(axes: Axes, x: Axis, y: Axis) -> None:
    axes.set(xlim=x.limits, ylim=y.limits)
    axes.set_xlabel(x.label, parse_math=False)
    axes.set_ylabel(y.label, parse_math=False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _add_legend(figure: Figure, all_axes: Sequence[Axes]) -> None:
    """Write the legend of all axes, each label once: the panels of a picture have the same layers."""
    found: dict[str, Any] = {}
    for axes in all_axes:
        handles, labels = axes.get_legend_handles_labels()
        found = {**dict(zip(labels, handles, strict=True)), **found}
    if found:
        columns = 6 if sum(map(len, found)) < 90 else 3
        style: dict[str, Any] = {"ncols": columns, "frameon": False, "fontsize": 7.5, "columnspacing": 1.5}
        figure.legend(list(found.values()), list(found), loc="outside lower center", **style)


def _encode_figure(figure: Figure, form: Form) -> bytes:
    """Return a figure as the content of a file; equal figures give equal bytes."""
    content = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "front"}):
        figure.savefig(content, format=form, metadata={"Date": None} if form == "svg" else None)
    return content.getvalue()


def _draw_published(axes: Axes, published: Sequence[PublishedPoint]) -> None:
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


def _draw_means(axes: Axes, means: Sequence[MeanMark], label: str, colour: str, **style: Any) -> None:
    """Draw means as squares with bars of a standard deviation in both directions."""
    if means:
        xs, ys = zip(*(mean.place for mean in means), strict=True)
        x_bars, y_bars = zip(*(mean.deviations for mean in means), strict=True)
        usual = {"fmt": "s", "markersize": 5, "markerfacecolor": "none", "capsize": 2, "elinewidth": 1.0, "zorder": 4}
        axes.errorbar(xs, ys, xerr=x_bars, yerr=y_bars, color=colour, label=label, **{**usual, **style})


def _write_title(axes: Axes, title: str, subtitle: str, columns: int = 1) -> None:
    """Write a title above the first of some axes that stand in `columns` beside each other."""
    alone = columns == 1
    lines = textwrap.wrap(subtitle, _SUBTITLE_COLUMNS + (columns - 1) * _SUBTITLE_COLUMNS // 3)
    style: dict[str, Any] = {"loc": "left", "fontsize": 12, "fontweight": "bold", "parse_math": False}
    # Of several panels, the title of the first one is that of all.
    axes.set_title(title, pad=8 + 10 * len(lines), **style).set_in_layout(alone)
    if not alone:
        axes.set_title(" ", pad=8 + 10 * len(lines), fontsize=12)
    # The padding of the title makes room for these lines; as part of the layout, a long line would narrow the axes.
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "bottom", "fontsize": 7.5, "in_layout": False}
    axes.text(0, 1.015, "\n".join(lines), color=PLAIN, parse_math=False, **place)


def _draw_completed(axes: Axes, shown: FrontFigure) -> None:
    if shown.staircase:
        axes.plot(*zip(*shown.staircase, strict=True), color=LINE, linewidth=1.0)
    front = {"s": 52, "edgecolors": LINE, "linewidths": 0.8, "zorder": 3}
    _scatter(axes, shown.front, "Pareto front", c=_colours(shown.front, shown.colours), **front)
    if shown.knee:
        ring = {"s": 150, "facecolors": "none", "edgecolors": KNEE, "linewidths": 1.4, "zorder": 3}
        _scatter(axes, [shown.knee], f"knee: {shown.knee.name}", **ring)
    dominated = {"s": 20, "alpha": 0.4, "linewidths": 0.6, "edgecolors": LINE}
    seen = marks_inside(shown.dominated, shown.x.limits, shown.y.limits)
    _scatter(axes, seen, "dominated", c=_colours(seen, shown.colours), **dominated)
    for limit, draw in zip(shown.accepted, (axes.axvline, axes.axhline), strict=True):
        if limit is not None:
            draw(limit, color=LINE, linewidth=0.8, linestyle=":")


def _draw_unfinished(axes: Axes, shown: FrontFigure) -> None:
    for name, outcome, grey, marks in unfinished_layers(shown):
        seen = marks_inside(marks, shown.x.limits, shown.y.limits)
        _scatter(axes, seen, name, marker=_SYMBOLS[outcome], s=14, color=grey, linewidths=0.8)
        for mark in sparse_marks(seen, shown.x.limits, shown.y.limits) if name.endswith(AT_EPOCH) else ():
            small: dict[str, Any] = {"xytext": (3, 2), "textcoords": "offset points", "fontsize": 5.5, "color": grey}
            axes.annotate(str(mark.epochs), (mark.x, mark.y), **small)


def _scatter(axes: Axes, marks: Sequence[Mark], label: str, **style: Any) -> None:
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


def _add_colour_bar(figure: Figure, axes: Sequence[Axes], scale: ParameterScale) -> None:
    bar = figure.colorbar(_mappable(scale), ax=list(axes), aspect=35, pad=0.015)
    bar.set_label(scale.parameter, parse_math=False)
    bar.outline.set_visible(False)
    if scale.logarithmic:
        bar.set_ticks(list(scale.ticks), labels=[format_value(tick) for tick in scale.ticks])
        bar.ax.yaxis.set_minor_locator(NullLocator())
