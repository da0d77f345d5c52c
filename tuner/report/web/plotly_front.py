"""The front as an interactive figure by plotly, drawn from a `FrontFigure`.

Figures and their traces are plain dictionaries in the form of plotly.js. Plotly's own objects check and copy
each of them, which takes a second for 10,000 trials. The tests check them instead.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from plotly.colors import get_colorscale

from tuner.ledger.records import Outcome, trial_name
from tuner.report.analysis.parameter_effects import ParameterScale
from tuner.report.analysis.published import PublishedPoint, by_source, is_named
from tuner.report.analysis.seed_means import MeanMark
from tuner.report.figure.appearance import AT_EPOCH, GRID, KNEE, LINE, PLAIN, SCALE, sparse_marks, unfinished_layers
from tuner.report.figure.front_figure import CONFIRMED, MEANS, Axis, FrontFigure, Mark
from tuner.report.text import format_value

_SYMBOLS = {
    Outcome.STOPPED: "x-thin-open",
    Outcome.RUNNING: "triangle-right-open",
    Outcome.INTERRUPTED: "triangle-right-open",
    Outcome.FAILED: "cross-thin-open",
    Outcome.COMPLETED: "circle-open",
}
Drawn = dict[str, Any]  # a figure, {"data": traces, "layout": …}, or a trace
PLOTLY_SCALE = get_colorscale(SCALE)
FONT = "system-ui, Helvetica, Arial, sans-serif"
LEGEND_BELOW = {"orientation": "h", "x": 0, "y": -0.13, "yanchor": "top"}
DOMINATED, FRONT = "dominated", "Pareto front"


def plot_front(shown: FrontFigure) -> Drawn:
    """Return the layers from back to front: unfinished, published, dominated, staircase, knee, front, means."""
    traces: list[Drawn] = []
    for name, outcome, grey, marks in unfinished_layers(shown):
        line = {"color": grey, "width": 1.2}
        style = {"symbol": _SYMBOLS[outcome], "size": 6, "color": grey, "line": line}
        traces.append(trace(marks, name, style, legendgroup=name))
        if name.endswith(AT_EPOCH):
            traces.append(_epochs(sparse_marks(marks, shown.x.limits, shown.y.limits), grey, name))
    traces += published_layers(shown.published)
    if shown.dominated:
        dim = {
            "size": 7,
            "opacity": 0.4,
            "line": {"color": LINE, "width": 0.8},
            **_fill(shown.dominated, shown.colours),
        }
        traces.append(trace(shown.dominated, DOMINATED, dim))
    if shown.staircase:
        traces.append(staircase(shown, LINE))
    if shown.knee:
        ring = {"symbol": "circle-open", "size": 22, "color": KNEE, "line": {"width": 2}}
        traces.append(trace([shown.knee], f"knee: {trial_name(shown.knee.number)}", ring))
    if shown.front:
        rim = {"color": LINE, "width": 1.2}
        bright = {"size": 12, "line": rim, **_fill(shown.front, shown.colours), **_colour_bar(shown.colours)}
        traces.append(trace(shown.front, FRONT, bright))
    for means, name, colour in ((shown.means, MEANS, LINE), (shown.confirmed, CONFIRMED, KNEE)):
        if means:
            traces.append(means_layer(means, name, colour))
    legend = {**LEGEND_BELOW, "traceorder": "reversed"}
    common = layout(xaxis=axis(shown.x), yaxis=axis(shown.y), legend=legend, shapes=_limit_lines(shown))
    return {"data": traces, "layout": common | _selector(shown, [drawn.get("name", "") for drawn in traces])}


def published_layers(published: Sequence[PublishedPoint]) -> list[Drawn]:
    """Return the paper's points, a layer for each of its tables."""
    return [_published(points, source) for source, points in by_source(published).items()]


def staircase(shown: FrontFigure, colour: str, **options: Any) -> Drawn:
    """Return the step line of the front."""
    xs, ys = zip(*shown.staircase, strict=True)
    line = {"color": colour, "width": 1.5}
    return scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False, **options)


def trace(marks: Sequence[Mark], name: str, style: dict[str, Any], *, heading: str = "", **options: Any) -> Drawn:
    """Return a trace of marks; hovering over one shows `heading` and its description."""
    line = f"<b>{escape(heading)}</b><br>" if heading else ""
    return scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=["<br>".join(map(escape, mark.description)) for mark in marks],
        hovertemplate=f"{line}%{{text}}<extra></extra>",
        mode="markers",
        marker=style,
        name=escape(name),
        **options,
    )


def scatter(**properties: Any) -> Drawn:
    """Return a trace of points or lines."""
    return {"type": "scatter", **properties}


def axis(shown: Axis) -> dict[str, Any]:
    """Return plotly's form of an axis."""
    title = {"text": escape(shown.label), "standoff": 12}
    return {"title": title, "range": shown.limits, "gridcolor": GRID, "zeroline": False, "linecolor": LINE}


def layout(**changes: Any) -> dict[str, Any]:
    """Return the layout that all figures of a page share, with changes."""
    common = {
        "font": {"family": FONT, "size": 13, "color": LINE},
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "align": "left"},
    }
    return {**common, **changes}


def _limit_lines(shown: FrontFigure) -> list[dict[str, Any]]:
    """Return lines at the worst values that the search accepts, across the whole figure."""
    line = {"color": LINE, "width": 1, "dash": "dot"}
    return [
        {"type": "line", one: limit, f"{one[0]}1": limit, other: 0, f"{other[0]}1": 1, ref: "paper", "line": line}
        for limit, one, other, ref in zip(shown.accepted, ("x0", "y0"), ("y0", "x0"), ("yref", "xref"), strict=True)
        if limit is not None
    ]


def _selector(shown: FrontFigure, names: Sequence[str]) -> dict[str, Any]:
    """Return the menu for the parameter that colours the completed trials; none for a single parameter."""
    layers = {DOMINATED: shown.dominated, FRONT: shown.front}
    coloured = [index for index, name in enumerate(names) if name in layers]
    if len(shown.scales) < 2 or not coloured:
        return {}
    buttons = []
    for scale in shown.scales:
        fills = [_fill(layers[names[index]], scale) for index in coloured]
        bar = _colour_bar(scale)["colorbar"]
        change = {
            **{f"marker.{key}": [fill[key] for fill in fills] for key in ("color", "cmin", "cmax")},
            # When a bar changes, plotly adds one to the layer, so each layer says whether it shows it.
            "marker.showscale": [names[index] == FRONT for index in coloured],
            "marker.colorbar.title.text": bar["title"]["text"],
            "marker.colorbar.tickvals": [bar.get("tickvals")] * len(coloured),
            "marker.colorbar.ticktext": [bar.get("ticktext")] * len(coloured),
        }
        buttons.append({"label": escape(scale.parameter), "method": "restyle", "args": [change, coloured]})
    active = next((index for index, scale in enumerate(shown.scales) if scale == shown.colours), 0)
    menu = {"type": "dropdown", "buttons": buttons, "active": active, "bgcolor": "white", "showactive": True}
    place = {"x": 0, "y": 1.01, "xanchor": "left", "yanchor": "bottom"}
    words = {"text": "Coloured by", "showarrow": False, "xref": "paper", "yref": "paper", "yshift": 6}
    return {"updatemenus": [{**menu, **place, "pad": {"l": 90}}], "annotations": [{**words, **place}]}


def _fill(marks: Sequence[Mark], scale: ParameterScale | None) -> dict[str, Any]:
    """Return colours by the marks' values; marks without a value are plain."""
    if scale is None:
        return {"color": PLAIN}
    values = [scale.value(mark.parameters) for mark in marks]
    return {
        "color": [PLAIN if value is None else round(scale.position(value), 6) for value in values],
        "colorscale": PLOTLY_SCALE,
        "cmin": scale.position(scale.low),
        "cmax": scale.position(scale.high),
    }


def _colour_bar(scale: ParameterScale | None) -> dict[str, Any]:
    if scale is None:
        return {}
    bar: dict[str, Any] = {"title": {"text": escape(scale.parameter)}, "thickness": 14, "outlinewidth": 0}
    values, labels = ticks(scale)
    if values:
        bar |= {"tickvals": values, "ticktext": labels}
    return {"showscale": True, "colorbar": bar}


def ticks(scale: ParameterScale) -> tuple[list[float], list[str]]:
    """Return the places and labels of the ticks on a scale; nothing if plotly's own choice is right."""
    if scale.choices:
        return [float(index) for index in range(len(scale.choices))], [escape(choice) for choice in scale.choices]
    if not scale.logarithmic:
        return [], []
    return [scale.position(tick) for tick in scale.ticks], [format_value(tick) for tick in scale.ticks]


def _published(points: Sequence[PublishedPoint], source: str) -> Drawn:
    named = is_named(points)
    return scatter(
        x=[point.natural for point in points],
        y=[point.pgd for point in points],
        text=[point.label for point in points],
        customdata=[f"{point.label}<br>Yu et al. 2023, {source}" for point in points],
        hovertemplate="%{customdata}<br>Natural %{x:.2f} %, PGD %{y:.2f} %<extra></extra>",
        mode="markers+text" if named else "markers",
        # On alternating sides: two points of Table 4 are closer than the height of a line.
        textposition=[f"middle {('right', 'left')[index % 2]}" for index in range(len(points))],
        textfont={"size": 10, "color": PLAIN},
        marker={"symbol": "diamond" if named else "diamond-open", "size": 8, "color": PLAIN},
        name=f"Yu et al. 2023, {source}",
    )


def means_layer(means: Sequence[MeanMark], name: str, colour: str, **options: Any) -> Drawn:
    """Return means as squares with bars of one standard deviation in both directions."""
    bar = {"type": "data", "color": colour, "thickness": 1.2}
    return scatter(
        x=[mean.place[0] for mean in means],
        y=[mean.place[1] for mean in means],
        error_x={**bar, "array": [mean.deviations[0] for mean in means]},
        error_y={**bar, "array": [mean.deviations[1] for mean in means]},
        text=["<br>".join(map(escape, mean.description)) for mean in means],
        **{
            "hovertemplate": "%{text}<extra></extra>",
            "mode": "markers",
            "marker": {"symbol": "square-open", "size": 9, "color": colour, "line": {"width": 1.5}},
            "name": name,
            **options,
        },
    )


def _epochs(marks: Sequence[Mark], grey: str, group: str) -> Drawn:
    return scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=[f"\N{NO-BREAK SPACE}{mark.epochs}" for mark in marks],
        textposition="top right",
        textfont={"size": 9, "color": grey},
        mode="text",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=group,
    )
