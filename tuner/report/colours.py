"""Which parameter colours the points of a front, on which scale, and the palette of all figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.front_data import CompletedTrial

# One scale whose lightness grows with the value and greys for the rest: readable without colour vision.
SCALE = "viridis"
LINE = "#1f2933"  # the front's staircase and the rims of its points
PLAIN = "#52606d"  # small text, and completed trials without a value to colour them by
FAINT = "#9aa5b1"  # trials without final values
GRID = "#e4e7eb"
KNEE = "#c2410c"

PREFERRED_PARAMETER = "lambda"
LOG_FROM_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class ColourScale:
    """The parameter that colours the points, and its range among completed trials."""

    parameter: str
    logarithmic: bool
    low: float
    high: float

    def value(self, parameters: Mapping[str, Any]) -> float | None:
        """Give a trial's value on the scale, None if it has none."""
        return _number(parameters.get(self.parameter))

    @property
    def ticks(self) -> tuple[float, ...]:
        """The round values 1, 2 and 5 times a power of ten in the range of a logarithmic scale."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
        return tuple(value for value in values if self.low <= value <= self.high)


def colour_scale(points: Sequence[CompletedTrial]) -> ColourScale | None:
    """Choose the parameter to colour by: lambda, else the first number that varies, None without one.

    The scale is logarithmic where the values are positive and span at least a factor of ten.
    """
    names = dict.fromkeys(name for point in points for name in point.parameters)
    for name in sorted(names, key=lambda name: name != PREFERRED_PARAMETER):
        values = [v for point in points if (v := _number(point.parameters.get(name))) is not None]
        if values and (low := min(values)) < (high := max(values)):
            return ColourScale(name, 0 < low <= high / LOG_FROM_RATIO, low, high)
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
