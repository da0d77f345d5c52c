"""The points of a finite space: which there are, and whether all were tried."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

# In a larger space a random draw always finds a point that was not tried.
_MOST_POINTS = 10_000


def exhausted(distributions: Mapping[str, BaseDistribution], tried: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether every point of the space was tried."""
    values = map(_values, distributions.values())
    count = math.prod(math.inf if listed is None else len(listed) for listed in values)
    return len(tried) >= count and len({tuple(point[name] for name in distributions) for point in tried}) >= count


def all_points(distributions: Mapping[str, BaseDistribution], fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all points with the values in `fixed`; an empty list if there are more than 10,000."""
    values: list[Sequence[Any]] = []
    for name, distribution in distributions.items():
        listed = [fixed[name]] if name in fixed else _values(distribution)
        if listed is None:
            return []
        values.append(listed)
    if math.prod(map(len, values)) > _MOST_POINTS:
        return []
    return [dict(zip(distributions, point, strict=True)) for point in itertools.product(*values)]


def _values(distribution: BaseDistribution) -> Sequence[Any] | None:
    """Return all values of a parameter; None for a real range, which has no end of them."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    return None
