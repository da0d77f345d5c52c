"""Which parameter colours the points of a front, on which scale, and the palette of all figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.analysis.front_data import CompletedTrial

# One scale whose lightness grows with the value and greys for the rest: readable without colour vision.
SCALE = "viridis"
LINE = "#1f2933"  # the front's staircase and the rims of its points
PLAIN = "#52606d"  # small text, and completed trials without a value to colour them by
FAINT = "#9aa5b1"  # trials without final values
GRID = "#e4e7eb"
KNEE = "#c2410c"
# Okabe and Ito's colours, told apart by colour-blind people: one for each objective, or each search.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
# Beside the colours, for who prints in grey: plotly's markers of searches and patterns of bars.
SYMBOLS = ("circle", "square", "triangle-up", "pentagon", "star", "hexagon", "bowtie")
PATTERNS = ("", "/", "x", ".", "-", "+", "|")

PREFERRED_PARAMETER = "lambda"
LOG_FROM_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class ColourScale:
    """The parameter that colours the points, and its range among completed trials; `choices` if it is no number."""

    parameter: str
    logarithmic: bool
    low: float
    high: float
    choices: tuple[str, ...] = ()

    def value(self, parameters: Mapping[str, Any]) -> float | None:
        """Give a trial's value on the scale, None if it has none; of a choice, its place among the choices."""
        value = parameters.get(self.parameter)
        if self.choices:
            return float(self.choices.index(str(value))) if str(value) in self.choices else None
        return _number(value)

    def position(self, value: float) -> float:
        """Give the place of a value on a linear scale, the only kind that plotly has."""
        return math.log10(value) if self.logarithmic else value

    @property
    def ticks(self) -> tuple[float, ...]:
        """The round values 1, 2 and 5 times a power of ten in the range of a logarithmic scale."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
        return tuple(value for value in values if self.low <= value <= self.high)


def colour_scales(points: Sequence[CompletedTrial]) -> tuple[ColourScale, ...]:
    """Give a scale for each parameter that varies: lambda, then other numbers, then choices that are no numbers."""
    names = dict.fromkeys(name for point in points for name in point.parameters)
    ordered = sorted(names, key=lambda name: name != PREFERRED_PARAMETER)
    numbers = [scale for name in ordered if (scale := _numeric_scale(points, name))]
    known = {scale.parameter for scale in numbers}
    return (*numbers, *(s for name in ordered if name not in known and (s := _choice_scale(points, name))))


def colour_scale(points: Sequence[CompletedTrial]) -> ColourScale | None:
    """Choose the parameter to colour by: lambda, else the first number that varies, None without one.

    The scale is logarithmic where the values are positive and span at least a factor of ten.
    """
    scale = next(iter(colour_scales(points)), None)
    return None if scale is None or scale.choices else scale


def _numeric_scale(points: Sequence[CompletedTrial], name: str) -> ColourScale | None:
    values = [v for point in points if (v := _number(point.parameters.get(name))) is not None]
    if not values or not (low := min(values)) < (high := max(values)):
        return None
    return ColourScale(name, 0 < low <= high / LOG_FROM_RATIO, low, high)


def _choice_scale(points: Sequence[CompletedTrial], name: str) -> ColourScale | None:
    choices = tuple(sorted({str(point.parameters[name]) for point in points if name in point.parameters}))
    if len(choices) < 2 or _number(next(p.parameters[name] for p in points if name in p.parameters)) is not None:
        return None
    return ColourScale(name, logarithmic=False, low=0.0, high=len(choices) - 1.0, choices=choices)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
