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
from tuner.report.figure import Axis, FrontFigure, Mark, front_figure
from tuner.report.format import format_value
from tuner.report.front_data import FrontData
from tuner.report.tables import KNEE_MARK, Grid, front_grid, summary

SYMBOLS = {
    Outcome.STOPPED: "x-thin-open",
    Outcome.RUNNING: "triangle-right-open",
    Outcome.FAILED: "cross-thin-open",
}
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2933; background: #fff;
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


def front_html(data: FrontData) -> str:
    """Write the page of a search's front."""
    shown = front_figure(data)
    return PAGE.substitute(
        title=escape(data.search),
        summary=escape(summary(data)),
        notes="\n".join(f"<p>{escape(note)}</p>" for note in shown.notes),
        figure=_plot(shown).to_html(
            full_html=False,
            include_plotlyjs=True,
            default_height="600px",
            div_id="front",
            config={"displaylogo": False, "responsive": True},
        ),
        table=_html_table(front_grid(data)) if data.front else "<p>No trial has completed yet.</p>",
    )


def _plot(shown: FrontFigure) -> go.Figure:
    figure = go.Figure(layout=_layout(shown))
    for outcome, marks in shown.unfinished.items():
        style = {
            "symbol": SYMBOLS[outcome],
            "size": 6,
            "color": FAINT,
            "line": {"color": FAINT, "width": 1.2},
        }
        figure.add_trace(_trace(marks, f"{outcome.value} ({len(marks)})", style))
    dim = {"size": 7, "opacity": 0.4, **_fill(shown.dominated, shown.colours)}
    bright = {"size": 12, "line": {"color": LINE, "width": 1.2}, **_fill(shown.front, shown.colours)}
    ring = {"symbol": "circle-open", "size": 22, "color": KNEE, "line": {"width": 2}}
    if shown.dominated:
        figure.add_trace(_trace(shown.dominated, f"dominated ({len(shown.dominated)})", dim))
    if shown.staircase:
        xs, ys = zip(*shown.staircase, strict=True)
        line = {"color": LINE, "width": 1.5}
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    if shown.knee:
        name = f"knee: {trial_name(shown.knee.number)}"
        figure.add_trace(_trace([shown.knee], name, ring).update(hoverinfo="skip", hovertemplate=None))
    if shown.front:
        figure.add_trace(_trace(shown.front, f"Pareto front ({len(shown.front)})", bright))
    return figure


def _layout(shown: FrontFigure) -> dict[str, Any]:
    return {
        "template": "none",
        "xaxis": _axis(shown.x),
        "yaxis": _axis(shown.y),
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "align": "left"},
        "legend": {"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
        **({"coloraxis": _colour_axis(shown.colours)} if shown.colours else {}),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    title = {"text": escape(axis.label)}
    return {"title": title, "range": axis.limits, "gridcolor": GRID, "zeroline": False, "linecolor": LINE}


def _colour_axis(scale: ColourScale) -> dict[str, Any]:
    bar: dict[str, Any] = {"title": {"text": escape(scale.parameter)}, "thickness": 14, "outlinewidth": 0}
    if scale.logarithmic:
        bar |= {
            "tickvals": [math.log10(v) for v in scale.ticks],
            "ticktext": [format_value(v) for v in scale.ticks],
        }
    return {
        "colorscale": SCALE,
        "cmin": _position(scale, scale.low),
        "cmax": _position(scale, scale.high),
        "colorbar": bar,
    }


def _position(scale: ColourScale, value: float) -> float:
    """Give the place of a value on a colour axis; plotly knows no logarithmic ones."""
    return math.log10(value) if scale.logarithmic else value


def _fill(marks: Sequence[Mark], scale: ColourScale | None) -> dict[str, Any]:
    if scale is None:
        return {"color": PLAIN}
    values = [None if mark.colour is None else _position(scale, mark.colour) for mark in marks]
    return {"color": values, "coloraxis": "coloraxis"}


def _trace(marks: Sequence[Mark], name: str, style: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=["<br>".join(map(escape, mark.description)) for mark in marks],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker=style,
        name=name,
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
