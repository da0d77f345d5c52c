"""The points of a finite space: how many there are, which are left, whether all were tried."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

# In a larger space a random draw always finds a point that was not tried.
_MOST_POINTS = 10_000


def count_points(distributions: Mapping[str, BaseDistribution]) -> int | None:
    """Return the number of points of a space; None if a real range makes it infinite."""
    counts = [_values(distribution) for distribution in distributions.values()]
    return None if None in counts else math.prod(len(values) for values in counts if values is not None)


def exhausted(distributions: Mapping[str, BaseDistribution], tried: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether every point of the space was tried."""
    count = count_points(distributions)
    if count is None or len(tried) < count:
        return False
    return len({tuple(point[name] for name in distributions) for point in tried}) >= count


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
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    return None
