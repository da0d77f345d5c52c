"""The colours of completed trials by a parameter: a scale for numbers, steps for choices and for few values."""

from collections.abc import Sequence
from html import escape
from typing import Any

from plotly.colors import get_colorscale, sample_colorscale

from tuner.report.analysis.parameter_effects import ParameterScale
from tuner.report.figure.appearance import PALETTE, PLAIN, SCALE
from tuner.report.figure.front_figure import Mark
from tuner.report.text import format_value

PLOTLY_SCALE = get_colorscale(SCALE)


def default_scale(scales: Sequence[ParameterScale]) -> ParameterScale | None:
    """Return the scale that colours the points when the page opens: numbers come before choices."""
    return scales[0] if scales else None


def colouring(marks: Sequence[Mark], scale: ParameterScale | None, *, with_bar: bool = False) -> dict[str, Any]:
    """Return the marker's colours by the marks' values, and its colour bar; marks without a value are plain."""
    if scale is None:
        return {"color": PLAIN}
    values = [scale.value(mark.parameters) for mark in marks]
    colours: dict[str, Any] = {
        "color": [PLAIN if value is None else round(_place(scale, value), 6) for value in values],
        "showscale": with_bar,
        **_range(scale),
    }
    if with_bar:
        places, labels = _bar_ticks(scale)
        bar = {"title": {"text": escape(scale.parameter)}, "thickness": 14, "outlinewidth": 0}
        colours["colorbar"] = {**bar, "tickvals": places or None, "ticktext": labels or None}
    return colours


def ticks(scale: ParameterScale) -> tuple[list[float], list[str]]:
    """Return the places and labels of the ticks on an axis; nothing if plotly's own choice is right."""
    if scale.choices:
        return [float(index) for index in range(len(scale.choices))], [escape(choice) for choice in scale.choices]
    if not scale.logarithmic:
        return [], []
    return [scale.position(tick) for tick in scale.ticks], [format_value(tick) for tick in scale.ticks]


def _place(scale: ParameterScale, value: float) -> float:
    """Return the place of a value on the colour bar; of a choice or one of few values, which step it is."""
    return float(scale.levels.index(value)) if scale.levels else scale.position(value)


def _steps(scale: ParameterScale) -> list[str]:
    """Return a colour for each step, nothing for a scale without steps.

    Numbers have an order, and their colours too. Choices have none: colours that are easily told apart, while there
    are enough of them.
    """
    count = len(scale.choices or scale.levels)
    if scale.choices and count <= len(PALETTE):
        return list(PALETTE[:count])
    return list(sample_colorscale(SCALE, count)) if count else []


def _range(scale: ParameterScale) -> dict[str, Any]:
    steps = _steps(scale)
    if not steps:
        low, high = scale.position(scale.low), scale.position(scale.high)
        return {"colorscale": PLOTLY_SCALE, "cmin": low, "cmax": high}
    ends = [[end / len(steps), colour] for index, colour in enumerate(steps) for end in (index, index + 1)]
    return {"colorscale": ends, "cmin": -0.5, "cmax": len(steps) - 0.5}


def _bar_ticks(scale: ParameterScale) -> tuple[list[float], list[str]]:
    if scale.levels:
        return [float(index) for index in range(len(scale.levels))], [format_value(level) for level in scale.levels]
    return ticks(scale)
