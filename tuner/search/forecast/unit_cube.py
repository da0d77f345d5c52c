"""Points of a space as rows of numbers in [0, 1], the inputs of the model, and back.

A range is scaled to [0, 1], on its logarithm where the range is logarithmic. Choices that are numbers become equally
spaced positions in ascending order; other choices have a column each, of which the largest one is the choice. A
parameter whose conditions do not hold in a point has 0.5 in its column: the model tells such points apart by the
parameters that the conditions name.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.pareto.objectives import FloatArray
from tuner.space.conditions import Conditions, holds, in_order
from tuner.space.parameters import value_at

_ABSENT = 0.5


class _Axis(Protocol):
    """The columns of one parameter."""

    width: int

    def row(self, value: Any) -> list[float]:
        """Return the columns of a value."""

    def value(self, columns: Sequence[float]) -> Any:
        """Return the value nearest to columns in [0, 1]."""


class _Range:
    """A range of real or whole numbers in one column."""

    width = 1

    def __init__(self, distribution: FloatDistribution | IntDistribution) -> None:
        self._log = distribution.log
        self._low, self._high = float(distribution.low), float(distribution.high)
        self._step = distribution.step
        self._whole = isinstance(distribution, IntDistribution)
        self._start, self._end = self._scaled(self._low), self._scaled(self._high)

    def row(self, value: Any) -> list[float]:
        span = self._end - self._start
        return [(self._scaled(float(value)) - self._start) / span if span > 0 else _ABSENT]

    def value(self, columns: Sequence[float]) -> Any:
        position = self._start + columns[0] * (self._end - self._start)
        value = math.exp(position) if self._log else position
        if self._step is not None:
            index = round((value - self._low) / self._step)
            if not self._whole:
                return value_at(self._low, self._high, self._step, index)
            value = self._low + index * self._step
        value = min(max(value, self._low), self._high)
        return round(value) if self._whole else value

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._log else value


class _Ordered:
    """Choices that are numbers, in one column."""

    width = 1

    def __init__(self, choices: Sequence[Any]) -> None:
        self._choices = sorted(choices)

    def row(self, value: Any) -> list[float]:
        return [(self._choices.index(value) + 0.5) / len(self._choices)]

    def value(self, columns: Sequence[float]) -> Any:
        return self._choices[min(int(columns[0] * len(self._choices)), len(self._choices) - 1)]


class _Named:
    """Choices without an order, a column for each."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self._choices = list(choices)
        self.width = len(self._choices)

    def row(self, value: Any) -> list[float]:
        return [float(choice == value) for choice in self._choices]

    def value(self, columns: Sequence[float]) -> Any:
        return self._choices[max(range(self.width), key=columns.__getitem__)]


class UnitCube:
    """The inputs of the model for a space with these parameters and conditions."""

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], conditions: Conditions = MappingProxyType({})
    ) -> None:
        self._axes = {name: _axis(each) for name, each in distributions.items()}
        self._conditions = conditions
        self._order = in_order(distributions, conditions)
        self.named = tuple(name for name, axis in self._axes.items() if isinstance(axis, _Named))
        """The parameters whose choices have no order."""
        ends = np.cumsum([axis.width for axis in self._axes.values()]).tolist()
        self._places = {
            name: slice(end - axis.width, end) for (name, axis), end in zip(self._axes.items(), ends, strict=True)
        }
        self.width: int = ends[-1]
        self.parameters = len(self._axes)
        self.parameter_of = np.repeat(np.arange(self.parameters), [axis.width for axis in self._axes.values()])
        """The number of the parameter of each column."""

    def row(self, point: Mapping[str, Any]) -> FloatArray:
        """Return the inputs, (width,), of a point. The seed of a repeat is none of them."""
        inputs: FloatArray = np.full(self.width, _ABSENT)
        for name, value in point.items():
            if name in self._axes:
                inputs[self._places[name]] = self._axes[name].row(value)
        return inputs

    def point(self, row: FloatArray, fixed: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Return the point nearest to a row of [0, 1]^width that has the values in `fixed`.

        It has the parameters whose conditions hold.
        """
        columns, found = row.tolist(), dict[str, Any]()
        for name in self._order:
            if holds(name, found, self._conditions):
                found[name] = fixed[name] if name in fixed else self._axes[name].value(columns[self._places[name]])
        return {name: found[name] for name in self._axes if name in found}

    def nearest(self, rows: FloatArray, fixed: Mapping[str, Any] = MappingProxyType({})) -> FloatArray:
        """Return the inputs of the points nearest to (n, width) rows that have the values in `fixed`."""
        return np.array([self.row(self.point(row, fixed)) for row in rows.clip(0.0, 1.0)])


def _axis(distribution: BaseDistribution) -> _Axis:
    if isinstance(distribution, CategoricalDistribution):
        numbers = all(isinstance(choice, int | float) for choice in distribution.choices)
        return (_Ordered if numbers else _Named)(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return _Range(distribution)
