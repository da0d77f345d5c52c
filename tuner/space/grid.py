"""The points of a grid, in the order in which they run, and the corners of any space."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from tuner.space.parameters import CategoricalParameter, FloatParameter, Parameter
from tuner.space.sections import SearchSpec

# A space has 2^parameters corners. Beyond this number the rules of the trainer are not tried.
MOST_CORNERS = 4096


def points(parameters: Mapping[str, Parameter], search: SearchSpec) -> list[dict[str, Any]]:
    """Return every point of a grid with every seed: all points with the first seed, then all with the next.

    An interrupted grid then holds complete tables of fewer seeds. The last parameter varies fastest.
    """
    once = [dict(point) for point in search.points] or _combinations(parameters)
    if search.seeds == 1:
        return once
    return [{**point, "seed": seed} for seed in seeds(search) for point in once]


def seeds(search: SearchSpec) -> list[int]:
    """Return the seeds of a grid."""
    return [search.seed + offset for offset in range(search.seeds)]


def corners(parameters: Mapping[str, Parameter]) -> Iterator[dict[str, Any]]:
    """Yield all combinations of the ends of the ranges and of all choices."""
    ends = [parameter.extremes().values() for parameter in parameters.values()]
    for corner in product(*ends):
        yield dict(zip(parameters, corner, strict=True))


def _combinations(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    values = [_values(parameter) for parameter in parameters.values()]
    return [dict(zip(parameters, point, strict=True)) for point in product(*values)]


def _values(parameter: Parameter) -> list[Any]:
    """List all values. A real range has no such list; the check of the space reports that first."""
    if isinstance(parameter, CategoricalParameter):
        return list(parameter.choices)
    if isinstance(parameter, FloatParameter):
        return []
    return list(range(parameter.low, parameter.high + 1))
