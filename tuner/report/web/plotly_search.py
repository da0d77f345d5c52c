"""The other interactive figures: several fronts in one, growth, learning curves, parallel coordinates, importance."""

from collections.abc import Sequence
from html import escape
from typing import Any

from tuner.ledger.records import Outcome, trial_name
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.parameter_effects import Importance, ParameterScale, parameter_scales
from tuner.report.analysis.progress_curves import Curve, GrowthPoint
from tuner.report.figure.appearance import FAINT, GRID, LINE, PALETTE
from tuner.report.figure.comparison import Comparison
from tuner.report.figure.front_figure import FrontFigure
from tuner.report.text import metric_label, to_shown_unit
from tuner.report.web.colours import PLOTLY_SCALE, ticks
from tuner.report.web.plotly_front import (
    LEGEND_BELOW,
    Drawn,
    axis,
    layout,
    means_layer,
    published_layers,
    scatter,
    staircase,
    trace,
)

# Beside the colours, for readers who print in grey.
_SYMBOLS = ("circle", "square", "triangle-up", "pentagon", "star", "hexagon", "bowtie")
_PATTERNS = ("", "/", "x", ".", "-", "+", "|")
_AXIS = {"gridcolor": GRID, "zeroline": False, "linecolor": LINE}
_BETWEEN_PANELS = 0.09  # of the figure's width
_MOST_STEPS = 300  # of one line, with a mark each
_MOST_SYMBOLS = 20  # on one of several lines: enough to tell it by, few enough to see its steps


def plot_comparison(shown: Comparison) -> Drawn:
    """Return each front as a step line and points with its own colour and symbol; dominated trials are dimmed."""
    traces = [
        drawn
        for (name, front), colour, symbol in zip(shown.fronts.items(), PALETTE, _SYMBOLS, strict=False)
        for drawn in _front_layers(name, front, colour, symbol)
    ]
    traces += published_layers(shown.published)
    return {"data": traces, "layout": layout(xaxis=axis(shown.x), yaxis=axis(shown.y), legend=LEGEND_BELOW)}


def plot_growth(searches: dict[str, Sequence[GrowthPoint]]) -> Drawn:
    """Return the hypervolume of each search over its trained epochs, as steps, told apart by colour and symbol.

    The axis begins near the first front, not at 0: most of a search's growth is small beside what any front has.
    """
    volume = {**_axis("Hypervolume"), "range": _growth_range([p for points in searches.values() for p in points])}
    axes = {"xaxis": _axis("Epochs trained, of all trials"), "yaxis": volume}
    traces = [
        scatter(
            x=[0, *(point.epochs for point in points)],
            y=[0.0, *(point.hypervolume for point in points)],
            text=["start", *("so far" if point.number is None else trial_name(point.number) for point in points)],
            hovertemplate="%{text}<br>%{x} epochs: %{y:.4f}<extra></extra>",
            mode="lines+markers" if len(points) <= _MOST_STEPS or len(searches) > 1 else "lines",
            line={"shape": "hv", "color": colour, "width": 1.5},
            marker={"size": 4, "color": colour} if len(searches) == 1 else _told_apart(colour, index),
            name=escape(name),
        )
        for index, ((name, points), colour) in enumerate(zip(searches.items(), _colours(len(searches)), strict=True))
    ]
    return {"data": traces, "layout": layout(**axes, showlegend=len(searches) > 1)}


def plot_curves(curves: Sequence[Curve], names: Sequence[str]) -> Drawn:
    """Return learning curves, a panel for each objective; trials of the front are dark, a cross marks a stop."""
    traces, axes = [], {}
    width = (1 - _BETWEEN_PANELS * (len(names) - 1)) / len(names)
    for index, name in enumerate(names):
        left, key = index * (width + _BETWEEN_PANELS), str(index + 1)
        axes[f"xaxis{key}"] = {**_axis("Epoch"), "domain": [left, min(1.0, left + width)], "anchor": f"y{key}"}
        axes[f"yaxis{key}"] = {**_axis(metric_label(name)), "anchor": f"x{key}"}
        panel = {"xaxis": f"x{key}", "yaxis": f"y{key}"}
        for on_front in (False, True):
            group = [curve for curve in curves if curve.on_front is on_front]
            traces.append(_lines(group, name, on_front=on_front) | panel)
        traces.append(_stops(curves, name) | panel)
    return {"data": traces, "layout": layout(**axes, showlegend=False)}


def plot_parallel(data: FrontData) -> Drawn:
    """Return a line for each completed trial through its parameters and objectives, coloured by the last objective.

    A line of plotly cannot have a gap, and a missing value would be drawn outside the axis. So a parameter that fewer
    than half of the trials have gets no axis, and trials that lack another parameter are left out. A note says so.
    """
    last, all_scales = data.objectives[-1].name, parameter_scales(data.points)
    scales = [
        s for s in all_scales if 2 * sum(s.value(p.parameters) is not None for p in data.points) >= len(data.points)
    ]
    seldom = [scale.parameter for scale in all_scales if scale not in scales]
    points = [p for p in data.points if all(scale.value(p.parameters) is not None for scale in scales)]
    values = [to_shown_unit(last, point.metrics[last]) for point in points]
    dimensions = [_dimension(scale, points) for scale in scales]
    dimensions += [
        {"label": escape(metric_label(o.name)), "values": [to_shown_unit(o.name, p.metrics[o.name]) for p in points]}
        for o in data.objectives
    ]
    bar = {"title": {"text": escape(metric_label(last))}}
    line = {"color": values, "colorscale": PLOTLY_SCALE, "showscale": True, "colorbar": bar}
    traces = [{"type": "parcoords", "dimensions": dimensions, "line": line}]
    notes = _left_out(len(data.points) - len(points), len(data.points), seldom)
    return {"data": traces, "layout": layout(margin={"l": 80, "r": 60, "t": 60, "b": 60}, annotations=notes)}


def plot_importances(found: Sequence[Importance]) -> Drawn:
    """Return the importance of each parameter as bars, with a colour and a pattern for each objective."""
    axes = {
        "xaxis": {**_axis("Importance (0: none, 1: all)"), "range": [0, 1.02]},
        "yaxis": {**_AXIS, "autorange": "reversed", "automargin": True},
    }
    legend = {"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0}
    traces = [
        {
            "type": "bar",
            "x": list(importance.shares.values()),
            "y": [escape(name) for name in importance.shares],
            "orientation": "h",
            "marker": {"color": colour, "pattern": {"shape": _PATTERNS[index % len(_PATTERNS)]}},
            "name": escape(metric_label(importance.objective)),
            "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
        }
        for index, (importance, colour) in enumerate(zip(found, _colours(len(found)), strict=True))
    ]
    return {"data": traces, "layout": layout(**axes, barmode="group", legend=legend)}


def _growth_range(points: Sequence[GrowthPoint]) -> list[float] | None:
    """Return an axis from the smallest hypervolume of a front to the largest; None leaves it to plotly."""
    volumes = [point.hypervolume for point in points]
    low, high = min(volumes, default=0.0), max(volumes, default=0.0)
    margin = 0.06 * (high - low)
    return [low - margin, high + margin] if margin > 0 else None


def _front_layers(name: str, front: FrontFigure, colour: str, symbol: str) -> list[Drawn]:
    style = {"symbol": symbol, "color": colour}
    if front.means:
        line = {"mode": "lines+markers", "line": {"color": colour, "width": 1.5}, "marker": {**style, "size": 10}}
        line["hovertemplate"] = f"<b>{escape(name)}</b><br>%{{text}}<extra></extra>"
        return [means_layer(front.means, escape(name), colour, **line)]
    layers = []
    if front.dominated:
        dim = {**style, "size": 6, "opacity": 0.4, "line": {"color": LINE, "width": 0.8}}
        behind = trace(front.dominated, f"{name}: dominated", dim, heading=name, legendgroup=name, showlegend=False)
        layers.append(behind)
    if front.staircase:
        layers.append(staircase(front, colour, legendgroup=name))
    if front.front:
        layers.append(trace(front.front, name, {**style, "size": 11}, heading=name, legendgroup=name))
    else:
        # Without any point plotly would leave the search out of the legend.
        layers.append(scatter(x=[None], y=[None], mode="markers", marker={**style, "size": 11}, name=escape(name)))
    return layers


def _axis(title: str) -> dict[str, Any]:
    return {**_AXIS, "title": {"text": escape(title)}}


def _lines(curves: Sequence[Curve], name: str, *, on_front: bool) -> Drawn:
    """Return curves as one trace with a gap after each: hundreds of traces would take seconds."""
    colour = PALETTE[0] if on_front else FAINT
    sizes = [0 if len(curve.epochs) > 1 else 4 for curve in curves]  # one report makes no line
    return scatter(
        x=[epoch for curve in curves for epoch in (*curve.epochs, None)],
        y=[value for curve in curves for value in (*curve.values[name], None)],
        text=[f"{trial_name(curve.number)}, {curve.outcome.value}" for curve in curves for _ in (*curve.epochs, None)],
        mode="lines+markers",
        line={"color": colour, "width": 1.8 if on_front else 0.7},
        marker={
            "color": colour,
            "size": [size for curve, size in zip(curves, sizes, strict=True) for _ in (*curve.epochs, None)],
        },
        name="front" if on_front else "not on the front",
        hovertemplate="%{text}<br>epoch %{x}: %{y:.2f}<extra></extra>",
    )


def _stops(curves: Sequence[Curve], name: str) -> Drawn:
    stopped = [curve for curve in curves if curve.outcome is Outcome.STOPPED]
    return scatter(
        x=[curve.epochs[-1] for curve in stopped],
        y=[curve.values[name][-1] for curve in stopped],
        mode="markers",
        marker={"symbol": "x-thin-open", "size": 6, "color": PALETTE[1]},
        text=[trial_name(curve.number) for curve in stopped],
        hovertemplate="%{text} stopped at epoch %{x}: %{y:.2f}<extra></extra>",
        name="stopped",
    )


def _told_apart(colour: str, index: int) -> dict[str, Any]:
    return {"size": 8, "color": colour, "symbol": _SYMBOLS[index % len(_SYMBOLS)], "maxdisplayed": _MOST_SYMBOLS}


def _left_out(count: int, trials: int, parameters: Sequence[str]) -> list[dict[str, Any]]:
    """Return the note that says how many trials and which parameters are not drawn, if any."""
    missing = f"{count} of {trials} completed trials are left out, because they lack a value of one of the parameters."
    seldom = f"Without the parameters that most trials lack: {escape(', '.join(parameters))}."
    text = " ".join([*([missing] if count else []), *([seldom] if parameters else [])])
    place = {"x": 0, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top", "yshift": -24}
    return [{"text": text, "showarrow": False, **place}] if text else []


def _dimension(scale: ParameterScale, points: Sequence[CompletedTrial]) -> dict[str, Any]:
    values = [scale.value(point.parameters) for point in points]
    shown: dict[str, Any] = {
        "label": escape(scale.parameter),
        "values": [round(scale.position(value), 6) for value in values if value is not None],
    }
    places, labels = ticks(scale)
    return {**shown, "tickvals": places, "ticktext": labels} if places else shown


def _colours(count: int) -> list[str]:
    return [PALETTE[index % len(PALETTE)] for index in range(count)]
