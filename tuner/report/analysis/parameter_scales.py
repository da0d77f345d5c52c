"""The parameters that vary among completed trials, and the scale of each: linear, logarithmic, or of choices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.analysis.front_data import CompletedTrial

PREFERRED_PARAMETER = "lambda"
LOG_FROM_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class ParameterScale:
    """A parameter and its range among completed trials, with `choices` if it is not a number."""

    parameter: str
    logarithmic: bool
    low: float
    high: float
    choices: tuple[str, ...] = ()

    def value(self, parameters: Mapping[str, Any]) -> float | None:
        """Return a trial's value on the scale, or None; the value of a choice is its index among the choices."""
        value = parameters.get(self.parameter)
        if self.choices:
            return float(self.choices.index(str(value))) if str(value) in self.choices else None
        return _number(value)

    def position(self, value: float) -> float:
        """Return the place of a value on a linear scale: plotly has no other scale for colours."""
        return math.log10(value) if self.logarithmic else value

    @property
    def ticks(self) -> tuple[float, ...]:
        """The round values 1, 2 and 5 times a power of ten in the range of a logarithmic scale."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
        return tuple(value for value in values if self.low <= value <= self.high)


def parameter_scales(points: Sequence[CompletedTrial]) -> tuple[ParameterScale, ...]:
    """Return a scale for each parameter that varies: lambda, then other numbers, then choices that are not numbers."""
    names = dict.fromkeys(name for point in points for name in point.parameters)
    ordered = sorted(names, key=lambda name: name != PREFERRED_PARAMETER)
    numbers = [scale for name in ordered if (scale := _numeric_scale(points, name))]
    known = {scale.parameter for scale in numbers}
    return (*numbers, *(s for name in ordered if name not in known and (s := _choice_scale(points, name))))


def colouring_scale(points: Sequence[CompletedTrial]) -> ParameterScale | None:
    """Return the scale that colours points by default: lambda, else the first number that varies, else None.

    The scale is logarithmic where the values are positive and span at least a factor of ten.
    """
    scale = next(iter(parameter_scales(points)), None)
    return None if scale is None or scale.choices else scale


def _numeric_scale(points: Sequence[CompletedTrial], name: str) -> ParameterScale | None:
    values = [v for point in points if (v := _number(point.parameters.get(name))) is not None]
    if not values or not (low := min(values)) < (high := max(values)):
        return None
    return ParameterScale(name, 0 < low <= high / LOG_FROM_RATIO, low, high)


def _choice_scale(points: Sequence[CompletedTrial], name: str) -> ParameterScale | None:
    choices = tuple(sorted({str(point.parameters[name]) for point in points if name in point.parameters}))
    if len(choices) < 2 or _number(next(p.parameters[name] for p in points if name in p.parameters)) is not None:
        return None
    return ParameterScale(name, logarithmic=False, low=0.0, high=len(choices) - 1.0, choices=choices)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
