"""The points of a grid, in the order in which they run, and the corners of any space."""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from tuner.space.parameters import CategoricalParameter, FloatParameter, Parameter

if TYPE_CHECKING:  # `Space` calls this module
    from tuner.space.model import Space


# A space has 2^parameters corners; beyond these the trainer's rules are taken on trust.
MOST_CORNERS = 4096


def grid(space: "Space") -> list[dict[str, Any]]:
    """List every point of a grid with every seed: all points with the first seed, then all with the next.

    So an interrupted grid holds whole tables of fewer seeds. The last parameter varies fastest.
    """
    points = [dict(point) for point in space.search.points] or _combinations(space)
    if space.search.seeds == 1:
        return points
    return [{**point, "seed": seed} for seed in seeds(space) for point in points]


def seeds(space: "Space") -> list[int]:
    """Give the seeds of a grid."""
    return [space.search.seed + offset for offset in range(space.search.seeds)]


def corners(space: "Space") -> Iterator[dict[str, Any]]:
    """Give the points in which the trainer's rules are tried: of a grid all, else all combinations of the ends of
    ranges and of all choices.
    """
    if space.search.sampler == "grid":
        yield from grid(space)
        return
    ends = [parameter.extremes().values() for parameter in space.parameters.values()]
    for corner in product(*ends):
        yield dict(zip(space.parameters, corner, strict=True))


def _combinations(space: "Space") -> list[dict[str, Any]]:
    values = [_values(parameter) for parameter in space.parameters.values()]
    return [dict(zip(space.parameters, point, strict=True)) for point in product(*values)]


def _values(parameter: Parameter) -> list[Any]:
    """List all values; of a real range there is no such list, which the space's check says first."""
    if isinstance(parameter, CategoricalParameter):
        return list(parameter.choices)
    if isinstance(parameter, FloatParameter):
        return []
    return list(range(parameter.low, parameter.high + 1))
