"""The front as an interactive figure by plotly, drawn from a `FrontFigure`.

Figures and their traces are plain dictionaries in the form of plotly.js. Plotly's own objects check and copy
each of them, which takes a second for 10,000 trials. The tests check them instead.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from tuner.ledger.records import Outcome
from tuner.report.analysis.published import PublishedPoint, by_source, is_named
from tuner.report.analysis.seed_means import MeanMark
from tuner.report.figure.appearance import AT_EPOCH, GRID, KNEE, LINE, PLAIN, sparse_marks, unfinished_layers
from tuner.report.figure.front_figure import CONFIRMED, MEANS, Axis, FrontFigure, Mark
from tuner.report.web.colours import colouring, default_scale

_SYMBOLS = {
    Outcome.STOPPED: "x-thin-open",
    Outcome.RUNNING: "triangle-right-open",
    Outcome.INTERRUPTED: "triangle-right-open",
    Outcome.FAILED: "cross-thin-open",
    Outcome.COMPLETED: "circle-open",
}
Drawn = dict[str, Any]  # a figure, {"data": traces, "layout": …}, or a trace
FONT = "system-ui, Helvetica, Arial, sans-serif"
LEGEND_BELOW = {"orientation": "h", "x": 0, "y": -0.13, "yanchor": "top"}
DOMINATED, FRONT = "dominated", "Pareto front"
OF_EPOCH = "epoch"  # what the page's script finds as the outcome of marks that are single epochs
NOISE_NOTE = (
    "Thin bars are ± one standard deviation with other seeds, as the models estimate it: that of one training, or that "
    "of the mean over all trainings of the point."
)
# Above so many marks a layer is drawn by WebGL, which needs a moment to start but stays fluid.
_MOST_SVG_MARKS = 1000


def plot_front(shown: FrontFigure) -> Drawn:
    """Return the layers from back to front: unfinished, published, dominated, staircase, knee, front, means."""
    traces: list[Drawn] = []
    scale = default_scale(shown.scales)
    for name, outcome, grey, marks in unfinished_layers(shown):
        line = {"color": grey, "width": 1.2}
        style = {"symbol": _SYMBOLS[outcome], "size": 6, "color": grey, "line": line}
        traces.append(trace(marks, name, style, outcome=outcome, legendgroup=name))
        if name.endswith(AT_EPOCH):
            traces.append(_epochs(sparse_marks(marks, shown.x.limits, shown.y.limits), grey, name))
    traces += published_layers(shown.published)
    if shown.dominated:
        dim = {"size": 7, "opacity": 0.4, "line": {"color": LINE, "width": 0.8}, **colouring(shown.dominated, scale)}
        traces.append(trace(shown.dominated, DOMINATED, dim))
    if shown.staircase:
        traces.append(staircase(shown, LINE))
    if shown.knee:
        ring = {"symbol": "circle-open", "size": 22, "color": KNEE, "line": {"width": 2}}
        traces.append(trace([shown.knee], f"knee: {shown.knee.name}", ring))
    if shown.front:
        rim = {"color": LINE, "width": 1.2}
        bright = {"size": 12, "line": rim, **colouring(shown.front, scale, with_bar=True)}
        traces.append(trace(shown.front, FRONT, bright, **_noise_bars(shown)))
    for means, name, colour in ((shown.means, MEANS, LINE), (shown.confirmed, CONFIRMED, KNEE)):
        if means:
            traces.append(means_layer(means, name, colour))
    legend = {**LEGEND_BELOW, "traceorder": "reversed"}
    common = layout(xaxis=axis(shown.x), yaxis=axis(shown.y), legend=legend, shapes=_limit_lines(shown))
    return {"data": traces, "layout": common}


def colourings(shown: FrontFigure, drawn: Drawn) -> list[dict[str, Any]]:
    """Return for each parameter its name and the markers of the layers that it colours, by their place in a figure."""
    layers = {DOMINATED: shown.dominated, FRONT: shown.front}
    places = {place: found["name"] for place, found in enumerate(drawn["data"]) if found.get("name") in layers}
    return [
        {
            "name": scale.parameter,
            "markers": {
                place: colouring(layers[name], scale, with_bar=name == FRONT) for place, name in places.items()
            },
        }
        for scale in shown.scales
        if places
    ]


def _noise_bars(shown: FrontFigure) -> dict[str, Any]:
    """Return thin bars at the points of the front, where the noise of one training is known."""
    style = {"type": "data", "thickness": 1, "width": 3, "color": PLAIN}
    shares = [1 / math.sqrt(mark.trainings) for mark in shown.front]
    both = zip(("error_x", "error_y"), shown.noise, strict=True)
    return {key: {**style, "array": [sd * share for share in shares]} for key, sd in both if sd}


def published_layers(published: Sequence[PublishedPoint]) -> list[Drawn]:
    """Return the paper's points, a layer for each of its tables."""
    return [_published(points, source) for source, points in by_source(published).items()]


def staircase(shown: FrontFigure, colour: str, **options: Any) -> Drawn:
    """Return the step line of the front; its ends go as far as any trial, for readers who zoom out."""
    marks = [*shown.front, *shown.dominated, *(mark for marks in shown.unfinished.values() for mark in marks)]
    reach = (shown.x.limits, [mark.x for mark in marks]), (shown.y.limits, [mark.y for mark in marks])
    first, *inner, last = shown.staircase
    ends = [tuple(_farther(*side, value) for side, value in zip(reach, end, strict=True)) for end in (first, last)]
    xs, ys = zip(ends[0], *inner, ends[1], strict=True)
    line = {"color": colour, "width": 1.5}
    return scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False, **options)


def _farther(limits: tuple[float, float], values: Sequence[float], end: float) -> float:
    """Return the end of a line, moved from the limit of an axis to the farthest value beyond it."""
    if end == limits[0]:
        return min(end, *values)
    return max(end, *values) if end == limits[1] else end


def trace(
    marks: Sequence[Mark],
    name: str,
    style: dict[str, Any],
    *,
    heading: str = "",
    outcome: Outcome = Outcome.COMPLETED,
    **options: Any,
) -> Drawn:
    """Return a trace of marks; hovering over one shows `heading` and its description.

    The page's script finds the key of a mark and its epochs in `customdata`, its outcome in `meta`.
    """
    line = f"<b>{escape(heading)}</b><br>" if heading else ""
    return scatter(
        type="scatter" if len(marks) <= _MOST_SVG_MARKS else "scattergl",
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=["<br>".join(map(escape, mark.description)) for mark in marks],
        hovertemplate=f"{line}%{{text}}<extra></extra>",
        customdata=[[mark_key(mark.number, mark.epoch), mark.epochs] for mark in marks],
        meta={"outcome": outcome.value if all(mark.epoch is None for mark in marks) else OF_EPOCH},
        mode="markers",
        marker=style,
        name=escape(name),
        **options,
    )


def mark_key(number: int, epoch: int | None) -> int | str:
    """Return what tells a mark from the others on a page: the number of its trial, and its epoch if it is of one."""
    return number if epoch is None else f"{number}-epoch-{epoch}"


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
        "margin": {"l": 70, "r": 20, "t": 30, "b": 60},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "uirevision": "keep",  # zoom and legend stay when the page draws a figure again
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
