"""The front as one self-contained, interactive HTML page: a figure by plotly.js, and the front as a table.

The page holds plotly.js itself, 4.8 MB, because MLflow shows it in a sandboxed frame, often offline.
"""

import math
from collections.abc import Sequence
from html import escape
from string import Template
from typing import Any

import plotly.graph_objects as go

from tuner.ledger.records import Outcome, trial_name
from tuner.report.colours import FAINT, GRID, KNEE, LINE, PLAIN, SCALE, ColourScale
from tuner.report.figure import Axis, FrontFigure, Mark, front_figure, sparse
from tuner.report.format import format_value
from tuner.report.front_data import FrontData
from tuner.report.tables import KNEE_MARK, Grid, front_grid, summary

SYMBOLS = {
    Outcome.STOPPED: "x-thin-open",
    Outcome.RUNNING: "triangle-right-open",
    Outcome.FAILED: "cross-thin-open",
}
FONT = "system-ui, Helvetica, Arial, sans-serif"
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font-family: $font; color: #1f2933; background: #fff;
       margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; }
p { color: #52606d; margin: 0.3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.8rem; text-align: right; border-bottom: 1px solid #e4e7eb; white-space: nowrap; }
th { border-bottom: 2px solid #9aa5b1; }
tbody tr:hover { background: #f5f7fa; }
tr.knee { font-weight: 600; }
tr.knee td:last-child { color: #c2410c; text-align: left; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$summary</p>
$notes
$figure
<h2>Pareto front</h2>
<div class="scroll">
$table
</div>
</body>
</html>
""")


# Plotly 7 puts a button into every figure that uploads it; a search is its owner's.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}


def front_html(data: FrontData) -> str:
    """Write the page of a search's front."""
    shown = front_figure(data)
    return PAGE.substitute(
        font=FONT,
        title=escape(data.search),
        summary=escape(summary(data)),
        notes="\n".join(f"<p>{escape(note)}</p>" for note in shown.notes),
        figure=_html_figure(shown) if shown.front or shown.unfinished else "",
        table=_html_table(front_grid(data)) if data.front else "<p>No trial has final values yet.</p>",
    )


def _html_figure(shown: FrontFigure) -> str:
    page: str = _plot(shown).to_html(
        full_html=False, include_plotlyjs=True, default_height="600px", div_id="front", config=CONFIG
    )
    return page


def _plot(shown: FrontFigure) -> go.Figure:
    """Draw the layers from the back to the front: unfinished, dominated, staircase, knee, front."""
    figure = go.Figure(layout=_layout(shown))
    for outcome, marks in shown.unfinished.items():
        line = {"color": FAINT, "width": 1.2}
        style = {"symbol": SYMBOLS[outcome], "size": 6, "color": FAINT, "line": line}
        figure.add_trace(_trace(marks, f"{outcome.value} (at epoch)", style, legendgroup=outcome.value))
        figure.add_trace(_epochs(sparse(marks, shown.x.limits, shown.y.limits), legendgroup=outcome.value))
    if shown.dominated:
        dim = {"size": 7, "opacity": 0.4, **_fill(shown.dominated, shown.colours)}
        figure.add_trace(_trace(shown.dominated, "dominated", dim))
    if shown.staircase:
        xs, ys = zip(*shown.staircase, strict=True)
        line = {"color": LINE, "width": 1.5}
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    if shown.knee:
        ring = {"symbol": "circle-open", "size": 22, "color": KNEE, "line": {"width": 2}}
        figure.add_trace(_trace([shown.knee], f"knee: {trial_name(shown.knee.number)}", ring))
    if shown.front:
        rim = {"color": LINE, "width": 1.2}
        bright = {"size": 12, "line": rim, **_fill(shown.front, shown.colours), **_colour_bar(shown.colours)}
        figure.add_trace(_trace(shown.front, "Pareto front", bright))
    return figure


def _layout(shown: FrontFigure) -> dict[str, Any]:
    return {
        "template": "none",
        "font": {"family": FONT, "size": 13, "color": LINE},
        "xaxis": _axis(shown.x),
        "yaxis": _axis(shown.y),
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "align": "left"},
        "legend": {"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
    }


def _axis(axis: Axis) -> dict[str, Any]:
    title = {"text": escape(axis.label), "standoff": 12}
    return {"title": title, "range": axis.limits, "gridcolor": GRID, "zeroline": False, "linecolor": LINE}


def _fill(marks: Sequence[Mark], scale: ColourScale | None) -> dict[str, Any]:
    """Colour marks by their values, and plainly those without one."""
    if scale is None:
        return {"color": PLAIN}
    return {
        "color": [PLAIN if mark.colour is None else _position(scale, mark.colour) for mark in marks],
        "colorscale": SCALE,
        "cmin": _position(scale, scale.low),
        "cmax": _position(scale, scale.high),
    }


def _colour_bar(scale: ColourScale | None) -> dict[str, Any]:
    if scale is None:
        return {}
    bar: dict[str, Any] = {"title": {"text": escape(scale.parameter)}, "thickness": 14, "outlinewidth": 0}
    if scale.logarithmic:
        bar["tickvals"] = [_position(scale, tick) for tick in scale.ticks]
        bar["ticktext"] = [format_value(tick) for tick in scale.ticks]
    return {"showscale": True, "colorbar": bar}


def _position(scale: ColourScale, value: float) -> float:
    """Give the place of a value on plotly's colour scale, which is never logarithmic by itself."""
    return math.log10(value) if scale.logarithmic else value


def _trace(marks: Sequence[Mark], name: str, style: dict[str, Any], **options: Any) -> go.Scatter:
    return go.Scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=["<br>".join(map(escape, mark.description)) for mark in marks],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker=style,
        name=name,
        **options,
    )


def _epochs(marks: Sequence[Mark], **options: Any) -> go.Scatter:
    return go.Scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=[f"\N{NO-BREAK SPACE}{mark.epochs}" for mark in marks],
        textposition="top right",
        textfont={"size": 9, "color": FAINT},
        mode="text",
        hoverinfo="skip",
        showlegend=False,
        **options,
    )


def _html_table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in grid.headings)
    body = "\n".join(
        ('<tr class="knee">' if KNEE_MARK in row else "<tr>")
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in grid.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
