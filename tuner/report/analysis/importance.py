"""How much each parameter matters for each objective, among the completed trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.pareto.objectives import FloatArray, Objective
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.analysis.parameter_scales import ParameterScale, parameter_scales

# Below this, groups of trials are too small to be compared: a rank correlation has less to go wrong.
ENOUGH_FOR_GROUPS = 30
FEWEST = 4
_GROUP_SIZE, _MOST_GROUPS = 8, 10

GROUPS = (
    "the share of an objective's variance (in ranks) that lies between groups of trials by the parameter, less what "
    "chance puts there (Kruskal-Wallis eta squared); each parameter by itself, so that shares need not add up to 1"
)
RANKS = "squared rank correlation with the parameter (Spearman); too few trials for more"


@dataclass(frozen=True, slots=True)
class Importance:
    """The parameters' importance for one objective, the largest first, and by which measure of how many trials."""

    objective: str
    measure: str
    trials: int
    shares: dict[str, float]


def importances(data: FrontData) -> tuple[Importance, ...]:
    """Work out the importance of each varying parameter for each objective; none of fewer than 4 trials."""
    scales = parameter_scales(data.points)
    complete = [p for p in data.points if all(scale.value(p.parameters) is not None for scale in scales)]
    if not scales or len(complete) < FEWEST:
        return ()
    return tuple(_importance(objective, complete, scales) for objective in data.objectives)


def _importance(objective: Objective, points: Sequence[CompletedTrial], scales: Sequence[ParameterScale]) -> Importance:
    values = np.array([point.metrics[objective.name] for point in points])
    grouped = len(points) >= ENOUGH_FOR_GROUPS
    shares = {}
    for scale in scales:
        places = np.array([scale.value(point.parameters) for point in points])
        if grouped or scale.choices:
            shares[scale.parameter] = between_groups(values, places if scale.choices else equal_groups(places))
        else:
            shares[scale.parameter] = _rank_correlation(values, places) ** 2
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return Importance(objective.name, _measure(scales, grouped=grouped), len(points), ordered)


def _measure(scales: Sequence[ParameterScale], *, grouped: bool) -> str:
    """Say which measure was taken of which parameter: choices have no order, and so no rank correlation."""
    numbers = ", ".join(scale.parameter for scale in scales if not scale.choices)
    choices = ", ".join(scale.parameter for scale in scales if scale.choices)
    if grouped or not numbers:
        return GROUPS
    return f"for {numbers}: {RANKS}; for {choices}: {GROUPS}" if choices else RANKS


def between_groups(values: FloatArray, groups: FloatArray) -> float:
    """Compute Kruskal and Wallis' eta squared of n values in k groups: 0 for unrelated ones, 1 if groups say all.

    It is the share of the ranks' variance between groups, less what chance puts there: (H - k + 1) / (n - k)
    (Tomczak and Tomczak 2014), not below 0. Their epsilon squared, H / (n - 1), is the share itself, which grows with
    k alone: parameters parted into different numbers of groups could not be compared by it.
    """
    from scipy.stats import kruskal

    names = np.unique(groups)
    n, k = len(values), len(names)
    if np.ptp(values) == 0 or not 1 < k < n:
        return 0.0
    statistic = float(kruskal(*(values[groups == name] for name in names)).statistic)
    return max(0.0, (statistic - k + 1) / (n - k))


def equal_groups(values: FloatArray) -> FloatArray:
    """Part numbers into at most ten groups of about equal size, by their order; equal numbers stay together."""
    count = min(_MOST_GROUPS, max(2, len(values) // _GROUP_SIZE))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count))
    return np.searchsorted(edges, values, side="right").astype(np.float64)


def _rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Compute Spearman's rank correlation; 0 where one of the two never changes."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic) if np.ptp(first) > 0 and np.ptp(second) > 0 else 0.0
