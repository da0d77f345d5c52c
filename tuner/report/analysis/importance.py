"""How much each parameter matters for each objective, among the completed trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.pareto.objectives import FloatArray, Objective
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.analysis.parameter_scales import ParameterScale, parameter_scales

# With fewer trials, groups are too small to be compared, and a rank correlation is safer.
ENOUGH_FOR_GROUPS = 30
FEWEST = 4
_GROUP_SIZE, _MOST_GROUPS = 8, 10

GROUPS = (
    "the share of an objective's variance (in ranks) between groups of trials by the parameter, corrected for chance "
    "(Kruskal-Wallis eta squared); each parameter is taken by itself, so the shares need not add up to 1"
)
RANKS = "squared rank correlation with the parameter (Spearman); there are too few trials for more"


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of the parameters for one objective, the largest first, with its measure and number of trials."""

    objective: str
    measure: str
    trials: int
    shares: dict[str, float]


def importances(data: FrontData) -> tuple[Importance, ...]:
    """Return the importance of each varying parameter for each objective; nothing for fewer than 4 trials."""
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
            shares[scale.parameter] = eta_squared(values, places if scale.choices else split_into_groups(places))
        else:
            shares[scale.parameter] = _rank_correlation(values, places) ** 2
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return Importance(objective.name, _measure(scales, grouped=grouped), len(points), ordered)


def _measure(scales: Sequence[ParameterScale], *, grouped: bool) -> str:
    """Return which measure each parameter has: choices have no order and so no rank correlation."""
    numbers = ", ".join(scale.parameter for scale in scales if not scale.choices)
    choices = ", ".join(scale.parameter for scale in scales if scale.choices)
    if grouped or not numbers:
        return GROUPS
    return f"for {numbers}: {RANKS}; for {choices}: {GROUPS}" if choices else RANKS


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
