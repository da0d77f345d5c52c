"""A search as interactive figures beside its front: growth, learning curves, parallel coordinates, importance."""

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tuner.ledger.records import Outcome, trial_name
from tuner.report.colours import FAINT, GRID, LINE, PALETTE, SCALE, ColourScale, colour_scales
from tuner.report.draw_front import layout, ticks
from tuner.report.effort import Curve, GrowthPoint
from tuner.report.format import displayed, metric_label
from tuner.report.front_data import FrontData
from tuner.report.importance import Importance

AXIS = {"gridcolor": GRID, "zeroline": False, "linecolor": LINE}


def plot_growth(searches: dict[str, Sequence[GrowthPoint]]) -> go.Figure:
    """Draw the hypervolume of each search over the epochs it trained, as steps."""
    axes = {"xaxis": {**AXIS, "title": "Epochs trained, of all trials"}, "yaxis": {**AXIS, "title": "Hypervolume"}}
    figure = go.Figure(layout=layout(**axes, showlegend=len(searches) > 1))
    for (name, points), colour in zip(searches.items(), _colours(len(searches)), strict=True):
        figure.add_trace(
            go.Scatter(
                x=[0, *(point.epochs for point in points)],
                y=[0.0, *(point.hypervolume for point in points)],
                text=["", *(trial_name(point.number) for point in points)],
                hovertemplate="%{text}<br>%{x} epochs: %{y:.4f}<extra></extra>",
                mode="lines+markers",
                line={"shape": "hv", "color": colour, "width": 1.5},
                marker={"size": 4},
                name=escape(name),
            )
        )
    return figure


def plot_curves(curves: Sequence[Curve], names: Sequence[str]) -> go.Figure:
    """Draw learning curves, a panel for each objective; those of the front dark, a cross where one was stopped."""
    figure = make_subplots(rows=1, cols=len(names), horizontal_spacing=0.09)
    figure.update_layout(layout(showlegend=False))
    for column, name in enumerate(names, start=1):
        figure.update_xaxes(title="Epoch", row=1, col=column, **AXIS)
        figure.update_yaxes(title=escape(metric_label(name)), row=1, col=column, **AXIS)
        for curve in sorted(curves, key=lambda curve: curve.on_front):
            figure.add_trace(_curve(curve, name), row=1, col=column)
        figure.add_trace(_stops(curves, name), row=1, col=column)
    return figure


def plot_parallel(data: FrontData) -> go.Figure:
    """Draw each completed trial as a line through its parameters and objectives, coloured by the last objective."""
    last = data.objectives[-1].name
    values = [displayed(last, point.metrics[last]) for point in data.points]
    dimensions = [_dimension(scale, data) for scale in colour_scales(data.points)]
    dimensions += [
        {"label": escape(metric_label(o.name)), "values": [displayed(o.name, p.metrics[o.name]) for p in data.points]}
        for o in data.objectives
    ]
    line = {"color": values, "colorscale": SCALE, "showscale": True, "colorbar": {"title": escape(metric_label(last))}}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line), layout=layout())
    figure.update_layout(margin={"l": 80, "r": 60, "t": 60, "b": 30})
    return figure


def plot_importances(found: Sequence[Importance]) -> go.Figure:
    """Draw the importance of each parameter as bars, a colour for each objective."""
    axes = {
        "xaxis": {**AXIS, "title": "Importance (0: none, 1: all)", "range": [0, 1.02]},
        "yaxis": {**AXIS, "autorange": "reversed", "automargin": True},
    }
    legend = {"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0}
    figure = go.Figure(layout=layout(**axes, barmode="group", legend=legend))
    for importance, colour in zip(found, _colours(len(found)), strict=True):
        figure.add_trace(
            go.Bar(
                x=list(importance.shares.values()),
                y=[escape(name) for name in importance.shares],
                orientation="h",
                marker={"color": colour},
                name=escape(metric_label(importance.objective)),
                hovertemplate="%{y}: %{x:.2f}<extra></extra>",
            )
        )
    return figure


def _curve(curve: Curve, name: str) -> go.Scatter:
    line = {"color": PALETTE[0] if curve.on_front else FAINT, "width": 1.8 if curve.on_front else 0.7}
    return go.Scatter(
        x=curve.epochs,
        y=curve.values[name],
        mode="lines" if len(curve.epochs) > 1 else "markers",
        line=line,
        marker={"color": line["color"], "size": 4},
        name=trial_name(curve.number),
        hovertemplate=f"{trial_name(curve.number)}, {curve.outcome.value}<br>epoch %{{x}}: %{{y:.2f}}<extra></extra>",
    )


def _stops(curves: Sequence[Curve], name: str) -> go.Scatter:
    stopped = [curve for curve in curves if curve.outcome is Outcome.STOPPED]
    return go.Scatter(
        x=[curve.epochs[-1] for curve in stopped],
        y=[curve.values[name][-1] for curve in stopped],
        mode="markers",
        marker={"symbol": "x-thin-open", "size": 6, "color": PALETTE[1]},
        text=[trial_name(curve.number) for curve in stopped],
        hovertemplate="%{text} stopped at epoch %{x}: %{y:.2f}<extra></extra>",
        name="stopped",
    )


def _dimension(scale: ColourScale, data: FrontData) -> dict[str, Any]:
    """Give an axis of the parallel coordinates; a trial without the parameter has none of its line there."""
    values = [scale.value(point.parameters) for point in data.points]
    shown: dict[str, Any] = {
        "label": escape(scale.parameter),
        "values": [None if value is None else round(scale.position(value), 6) for value in values],
    }
    places, labels = ticks(scale)
    return {**shown, "tickvals": places, "ticktext": labels} if places else shown


def _colours(count: int) -> list[str]:
    return [PALETTE[index % len(PALETTE)] for index in range(count)]
