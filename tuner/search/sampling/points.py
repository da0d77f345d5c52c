"""The points of a space that has finitely many: how many there are, which are left, whether all were tried."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

# Of a larger space no search tries so many that drawing at random would not find one of the rest.
_MOST_POINTS = 10_000


def count_points(distributions: Mapping[str, BaseDistribution]) -> int | None:
    """Count the points of a space; None where a real range gives it infinitely many."""
    counts = [_values(distribution) for distribution in distributions.values()]
    return None if None in counts else math.prod(len(values) for values in counts if values is not None)


def exhausted(distributions: Mapping[str, BaseDistribution], tried: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether every point of the space is among those `tried`."""
    count = count_points(distributions)
    if count is None or len(tried) < count:
        return False
    return len({tuple(point[name] for name in distributions) for point in tried}) >= count


def all_points(distributions: Mapping[str, BaseDistribution], fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the points with the values in `fixed`; nothing where there are infinitely many, or more than 10,000."""
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
