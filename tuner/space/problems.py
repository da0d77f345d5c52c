"""Faults of a space that no single field shows: the rules of the trainer, names, points."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, product
from typing import Any

from training.config import (
    MEASUREMENT_KEYS,
    METRICS,
    ConfigError,
    field_problems,
    file_key,
    parse_trial,
    share_fault,
    trial_keys,
)
from training.config.conflicts import group_conflicts
from training.config.preset_files import UnknownPresetError, with_preset
from tuner.errors import UsageError
from tuner.space.model import MOST_CORNERS, MOST_POINTS, Space
from tuner.space.parameters import value_fault

_Problems = list[tuple[str, str]]
_MOST_LINES = 100


def fault_error(source: str, problems: _Problems) -> UsageError:
    """Return the error that lists faults, each as `source: path: message`. Its subject is their paths."""
    lines = [f"{source}: {path}: {message}" for path, message in problems[:_MOST_LINES]]
    if len(problems) > _MOST_LINES:
        lines.append(f"{source}: and {len(problems) - _MOST_LINES:,} more faults")
    return UsageError("\n".join(lines), tuple(path for path, _ in problems))


def cross_problems(space: Space) -> _Problems:
    """Return the faults that single fields cannot show: broken rules of the trainer, unknown metrics, wrong points.

    Each fault is (path in the file, message). Without faults the space can be searched. The code from outside that the
    space uses is imported.
    """
    if faults := trial_problems({"imports": list(space.imports)}):
        return [("imports", message) for _, message in faults]
    fixed = {key: value for key, value in space.trial.items() if key not in space.parameters}
    problems = form_problems(space) + trial_problems(fixed)
    if not problems:
        problems += _parameter_problems(space, {"imports": list(space.imports), **fixed})
    return problems or _preset_problems(space)


def form_problems(space: Space) -> _Problems:
    """Return the faults that can be found without the trainer, and without importing code from outside."""
    problems = _objective_problems(space)
    if "imports" in space.trial or "imports" in space.parameters:
        problems.append(("imports", "stands at the top of the space, beside trial and parameters; move it there"))
    for name in space.parameters:
        if name in space.trial:
            problems.append((f"trial.{name}", "fixed and searched at once; keep it either here or under parameters"))
        if name in MEASUREMENT_KEYS:
            rule = "changes what is measured and makes trials incomparable; put it under trial"
            problems.append((f"parameters.{name}", rule))
    for section in ("start_points", "points"):
        for index, point in enumerate(getattr(space.search, section)):
            problems += _point_problems(space, point, f"search.{section}.{index}")
    problems += _grid_problems(space)
    problems += _rung_problems(space)
    gpus = space.resources.gpus_per_trial
    if gpus > 1 and not gpus.is_integer():
        rule = "a whole number above 1, for a trial on several GPUs, or at most 1, for a share of one"
        problems.append(("resources.gpus_per_trial", f"the value is {gpus:g}, but must be {rule}"))
    return problems


def trial_problems(trial: dict[str, Any]) -> _Problems:
    """Return the faults of single keys of `trial`, as (path in the file, message).

    Rules between keys are checked for complete points only: a searched key does not have the trainer's default.
    """
    return [(f"trial.{key}", message) for key, message in _config_problems(trial, field_problems)]


def _objective_problems(space: Space) -> _Problems:
    problems: _Problems = []
    for name, objective in space.objectives.items():
        if name not in METRICS:
            rule = f"no trial reports this metric; the known ones are {', '.join(METRICS)}"
            problems.append((f"objectives.{name}", rule))
        if objective.direction == "minimize" and "reference" not in objective.model_fields_set:
            rule = "is minimised and needs a `reference` for the hypervolume: a value that is worse than all"
            problems.append((f"objectives.{name}", rule))
        for key in ("reference", "at_least", "at_most"):
            value = getattr(objective, key)
            if value is not None and (fault := share_fault(name, value)):
                problems.append((f"objectives.{name}.{key}", f"the value is {value:g}, but {fault}"))
    return problems


def _config_problems(values: dict[str, Any], find: Callable[[dict[str, Any]], _Problems]) -> _Problems:
    try:
        return find(with_preset(values))
    except UnknownPresetError as error:
        return [("preset", str(error))]


def _point_faults(values: dict[str, Any], processes: int) -> _Problems:
    try:
        return group_conflicts(parse_trial(values), processes)
    except ConfigError as error:
        return error.problems


def _parameter_problems(space: Space, fixed: dict[str, Any]) -> _Problems:
    """Return the faults of all combinations of range ends and choices: the trainer has rules between keys."""
    problems = []
    keys = {*trial_keys(), "preset"}
    known = [name for name in space.parameters if name in keys]
    find = partial(_point_faults, processes=space.resources.processes_per_trial)
    for name in space.parameters:
        if name not in known:
            problems += [(f"parameters.{name}", message) for _, message in trial_problems({name: None})]
    for corner in islice(_corners(space, known), MOST_CORNERS):
        values = {name: value for name, (_, value) in corner.items()}
        problems += [
            (corner[name][0] if name in corner else f"trial.{name}", message)
            for name, message in _config_problems({**fixed, **values}, find)
        ]
    return list(dict.fromkeys(problems))


def _corners(space: Space, names: Sequence[str]) -> Iterator[dict[str, tuple[str, Any]]]:
    """Yield the points to check, with the parameters `names` only; each value comes with its path in the file."""
    if space.search.sampler == "grid":
        for index, point in enumerate(space.grid()):
            listed = f"search.points.{index}" if space.search.points else "parameters"
            yield {name: (f"{listed}.{name}", value) for name, value in point.items() if name in names}
        return
    ends = [
        [(f"parameters.{name}.{end}", value) for end, value in space.parameters[name].extremes().items()]
        for name in names
    ]
    for corner in product(*ends):
        yield dict(zip(names, corner, strict=True))


def _grid_problems(space: Space) -> _Problems:
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
        missing = [name for name in space.parameters if name not in point]
        if missing:
            problems.append((f"search.points.{index}", f"lacks {', '.join(missing)}; a point gives every parameter"))
        if point in search.points[:index]:
            problems.append((f"search.points.{index}", f"is the same as point {search.points.index(point)}"))
    if not search.points:
        problems += [
            (f"parameters.{name}", "a grid needs choices; make it categorical, or list search.points")
            for name, parameter in space.parameters.items()
            if parameter.type == "float"
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


def _rung_problems(space: Space) -> _Problems:
    """Refuse rungs of a trial beside those that follow from early stopping."""
    if space.early_stopping.scheduler == "none" or "rungs" not in space.trial:
        return []
    return [("trial.rungs", "follows from early_stopping; remove it, or set early_stopping.scheduler: none")]


def _preset_problems(space: Space) -> _Problems:
    """Return the measurement keys in which the searched presets differ."""
    if "preset" not in space.parameters:
        return []
    first, *others = {corner["preset"]: corner for corner in space.corners()}.values()
    problems = []
    for other in others:
        one, two = space.trial_config(first).to_mapping(), space.trial_config(other).to_mapping()
        problems += [
            (f"trial.{key}", f"{first['preset']} has {one[key]} and {other['preset']} {two[key]}; fix it under trial")
            for key in map(file_key, MEASUREMENT_KEYS)
            if one[key] != two[key]
        ]
    return problems


def _point_problems(space: Space, point: dict[str, Any], path: str) -> _Problems:
    problems = []
    for name, value in point.items():
        if name not in space.parameters:
            known = ", ".join(space.parameters)
            problems.append((f"{path}.{name}", f"not a searched parameter; those are {known}"))
            continue
        fault = value_fault(space.parameters[name], value)
        if fault is not None:
            problems.append((f"{path}.{name}", f"the value is {fault}"))
    return problems
