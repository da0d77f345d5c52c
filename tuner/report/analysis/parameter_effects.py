"""The parameters that vary among completed trials: the scale of each, and how much each matters for each objective."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.pareto.objectives import FloatArray, Objective
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial

_PREFERRED_PARAMETER = "lambda"
_LOG_FROM_RATIO = 10.0
# With fewer trials, groups are too small to be compared, and a rank correlation is safer.
_ENOUGH_FOR_GROUPS = 30
_FEWEST = 4
_GROUP_SIZE, _MOST_GROUPS = 8, 10
# A number with at most so many values, each of which comes up so often on average, is a choice among them.
_MOST_LEVELS, _TIMES = 7, 3

GROUPS = (
    "the share of an objective's variance (in ranks) between groups of trials by the parameter, corrected for chance "
    "(Kruskal-Wallis eta squared); each parameter is taken by itself, so the shares need not add up to 1"
)
RANKS = "squared rank correlation with the parameter (Spearman); there are too few trials for more"


@dataclass(frozen=True, slots=True)
class ParameterScale:
    """A parameter and its range among completed trials, with `choices` if it is not a number.

    `levels` are the values of a number that has few of them.
    """

    parameter: str
    logarithmic: bool
    low: float
    high: float
    choices: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()

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
    """Return a scale for each parameter that varies: lambda, then other numbers, then choices that are not numbers.

    Parameters that some trials lack come after those of their kind that all have. A scale is logarithmic where the
    values are positive and span at least a factor of ten.
    """
    names = dict.fromkeys(name for point in points for name in point.parameters)
    lacking = {name for name in names if any(name not in point.parameters for point in points)}
    ordered = sorted(names, key=lambda name: (name in lacking, name != _PREFERRED_PARAMETER))
    numbers = [scale for name in ordered if (scale := _numeric_scale(points, name))]
    known = {scale.parameter for scale in numbers}
    return (*numbers, *(s for name in ordered if name not in known and (s := _choice_scale(points, name))))


def _numeric_scale(points: Sequence[CompletedTrial], name: str) -> ParameterScale | None:
    values = [v for point in points if (v := _number(point.parameters.get(name))) is not None]
    if not values or not (low := min(values)) < (high := max(values)):
        return None
    distinct = sorted(set(values))
    few = len(distinct) <= _MOST_LEVELS and len(values) >= _TIMES * len(distinct)
    return ParameterScale(name, 0 < low <= high / _LOG_FROM_RATIO, low, high, levels=tuple(distinct) if few else ())


def _choice_scale(points: Sequence[CompletedTrial], name: str) -> ParameterScale | None:
    choices = tuple(sorted({str(point.parameters[name]) for point in points if name in point.parameters}))
    if len(choices) < 2 or _number(next(p.parameters[name] for p in points if name in p.parameters)) is not None:
        return None
    return ParameterScale(name, logarithmic=False, low=0.0, high=len(choices) - 1.0, choices=choices)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of the parameters for one objective, the largest first, with its measure and number of trials.

    Each is measured among the trials that have the parameter; `fewer` has their number if not all have it.
    """

    objective: str
    measure: str
    trials: int
    shares: dict[str, float]
    fewer: dict[str, int]


def importances(data: FrontData) -> tuple[Importance, ...]:
    """Return the importance of each varying parameter for each objective; none of those that fewer than 4 trials have.

    The result is empty if that leaves no parameter.
    """
    scales = parameter_scales(data.points)
    having = {s: [point for point in data.points if s.value(point.parameters) is not None] for s in scales}
    enough = {scale: points for scale, points in having.items() if len(points) >= _FEWEST}
    if not enough:
        return ()
    return tuple(_importance(objective, enough, len(data.points)) for objective in data.objectives)


def _importance(
    objective: Objective, having: Mapping[ParameterScale, Sequence[CompletedTrial]], trials: int
) -> Importance:
    shares = {}
    for scale, points in having.items():
        values = np.array([point.metrics[objective.name] for point in points])
        places = np.array([scale.value(point.parameters) for point in points])
        if _by_ranks(scale, points):
            shares[scale.parameter] = _rank_correlation(values, places) ** 2
        else:
            shares[scale.parameter] = eta_squared(values, places if scale.choices else split_into_groups(places))
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    fewer = {scale.parameter: len(points) for scale, points in having.items() if len(points) < trials}
    return Importance(objective.name, _measure(having), trials, ordered, fewer)


def _by_ranks(scale: ParameterScale, points: Sequence[CompletedTrial]) -> bool:
    return not scale.choices and len(points) < _ENOUGH_FOR_GROUPS


def _measure(having: Mapping[ParameterScale, Sequence[CompletedTrial]]) -> str:
    """Return which measure each parameter has: choices have no order and so no rank correlation."""
    ranked = ", ".join(scale.parameter for scale, points in having.items() if _by_ranks(scale, points))
    grouped = ", ".join(scale.parameter for scale, points in having.items() if not _by_ranks(scale, points))
    if not ranked:
        return GROUPS
    return f"for {ranked}: {RANKS}; for {grouped}: {GROUPS}" if grouped else RANKS


def eta_squared(values: FloatArray, groups: FloatArray) -> float:
    """Return Kruskal and Wallis' eta squared of n values in k groups: 0 if unrelated, 1 if the groups explain all.

    It is the share of the ranks' variance between groups, corrected for chance: (H - k + 1) / (n - k), at least 0
    (Tomczak and Tomczak 2014). Their epsilon squared, H / (n - 1), grows with k even by chance, so it cannot compare
    parameters with different numbers of groups.
    """
    from scipy.stats import kruskal

    names = np.unique(groups)
    n, k = len(values), len(names)
    if np.ptp(values) == 0 or not 1 < k < n:
        return 0.0
    statistic = float(kruskal(*(values[groups == name] for name in names)).statistic)
    return max(0.0, (statistic - k + 1) / (n - k))


def split_into_groups(values: FloatArray) -> FloatArray:
    """Return the group of each number: at most ten groups of about equal size by order; equal numbers share a group."""
    count = min(_MOST_GROUPS, max(2, len(values) // _GROUP_SIZE))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count))
    return np.searchsorted(edges, values, side="right").astype(np.float64)


def _rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's rank correlation; 0 if one of the two is constant."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic) if np.ptp(first) > 0 and np.ptp(second) > 0 else 0.0
