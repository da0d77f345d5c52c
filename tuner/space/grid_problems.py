"""Faults of a grid: keys of other samplers, points that are not whole, and too many points."""

from tuner.space.conditions import holds
from tuner.space.model import Space
from tuner.space.points import MOST_POINTS

_Problems = list[tuple[str, str]]


def grid_problems(space: Space) -> _Problems:
    """Return the faults of a grid, and the keys of a grid that stand beside another sampler."""
    search = space.search
    if space.confirm is not None and search.sampler != "grid":
        return [("confirm", "is measured on the test set, which no sampler may learn from: set sampler: grid")]
    if search.sampler != "grid":
        rule = f"is for the sampler grid, but the sampler is {search.sampler}; remove it, or set sampler: grid"
        given = {"points": bool(search.points), "seeds": search.seeds > 1}
        return [(f"search.{key}", rule) for key in given if given[key]]
    problems = []
    if search.start_points:
        problems.append(("search.start_points", "a grid runs its points in a fixed order; remove it, or list points"))
    if search.seeds > 1 and ("seed" in space.trial or "seed" in space.parameters):
        problems.append(("search.seeds", "sets the seeds of the trials; remove seed from trial and parameters"))
    for index, point in enumerate(search.points):
        missing = [n for n in space.parameters if n not in point and holds(n, point, space.conditions)]
        if missing:
            problems.append((f"search.points.{index}", f"lacks {', '.join(missing)}; a point gives every parameter"))
        if point in search.points[:index]:
            problems.append((f"search.points.{index}", f"is the same as point {search.points.index(point)}"))
    if not search.points:
        problems += [
            (f"parameters.{name}", "a grid needs choices; give it a step, make it categorical, or list search.points")
            for name, parameter in space.parameters.items()
            if parameter.count is None
        ]
    return problems or _grid_size_problems(space)


def _grid_size_problems(space: Space) -> _Problems:
    """Return the faults of a grid's number of points, which is counted without listing them."""
    search, count = space.search, space.grid_size()
    if count > MOST_POINTS:
        rule = f"the grid has {count:,} points, but may have at most {MOST_POINTS:,}; use sampler: random"
        return [("search.sampler", rule)]
    if "trials" in search.model_fields_set and search.trials > count:
        return [("search.trials", f"the value is {search.trials}, but the grid has {count} points")]
    return []
