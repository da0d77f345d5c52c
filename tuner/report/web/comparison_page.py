"""The page that overlays several fronts, a colour for each."""

from html import escape

from tuner.report.figure.colours import LINE, PALETTE, SYMBOLS
from tuner.report.figure.comparison import Comparison
from tuner.report.figure.front_figure import FrontFigure
from tuner.report.web.page import Section, page
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
from tuner.report.web.plotly_search import plot_growth


def comparison_html(shown: Comparison) -> str:
    """Return the page of several fronts."""
    sections = [
        Section("", shown.figure_notes, plot_comparison(shown), "fronts", 600),
        Section("Searches" if shown.heading == "Search" else shown.heading, shown.notes[:1], table=shown.table),
    ]
    if any(shown.growth.values()):
        sections.append(Section("Hypervolume", figure=plot_growth(shown.growth), key="growth"))
    return page(shown.title, sections)


def plot_comparison(shown: Comparison) -> Drawn:
    """Return each front as a step line and points with its own colour and symbol; dominated trials are dimmed."""
    traces = [
        drawn
        for (name, front), colour, symbol in zip(shown.fronts.items(), PALETTE, SYMBOLS, strict=False)
        for drawn in _layers(name, front, colour, symbol)
    ]
    traces += published_layers(shown.published)
    return {"data": traces, "layout": layout(xaxis=axis(shown.x), yaxis=axis(shown.y), legend=LEGEND_BELOW)}


def _layers(name: str, front: FrontFigure, colour: str, symbol: str) -> list[Drawn]:
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
