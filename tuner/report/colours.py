"""Which parameter colours the points of a front, on which scale, and the palette of all figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.front_data import CompletedTrial

# Lightness orders both scale and roles, so that the figures read without colour vision and in grey.
SCALE = "viridis"
LINE = "#1f2933"
DOMINATED = "#7b8794"
UNFINISHED = "#9aa5b1"
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
        value = parameters.get(self.parameter)
        return float(value) if _is_number(value) else None

    @property
    def ticks(self) -> tuple[float, ...]:
        """The round values 1, 2 and 5 times a power of ten in the range of a logarithmic scale."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
        return tuple(value for value in values if self.low <= value <= self.high)


def colour_scale(points: Sequence[CompletedTrial]) -> ColourScale | None:
    """Choose the parameter to colour by: lambda, else the first that is a number and varies; None without one.

    The scale is logarithmic where the values are positive and span at least a factor of ten.
    """
    names = dict.fromkeys(name for point in points for name in point.parameters)
    for name in sorted(names, key=lambda name: name != PREFERRED_PARAMETER):
        values = [value for point in points if _is_number(value := point.parameters.get(name))]
        if values and (low := min(values)) < (high := max(values)):
            return ColourScale(name, 0 < low <= high / LOG_FROM_RATIO, float(low), float(high))
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
