"""What is wrong with a space beyond its single fields: the trainer's rules, names, start points."""

from itertools import islice, product
from typing import Any

from training.config import MEASUREMENT_KEYS, METRICS, TRIAL_KEYS, ConfigError, TrialConfig
from tuner.space.model import Space

# A space has 2^parameters corners; beyond these the trainer's rules between settings are taken on trust.
_MOST_CORNERS = 4096


def cross_problems(space: Space) -> list[tuple[str, str]]:
    """Find what single fields cannot show: the trainer's rules, unknown metrics, start points outside.

    Returns (path in the file, message) pairs; an empty list says that the space can be searched.
    """
    problems = [
        (f"objectives.{name}", f"no trial reports this metric; the known ones are {', '.join(METRICS)}")
        for name in space.objectives
        if name not in METRICS
    ]
    problems += [
        (f"trial.{name}", "fixed and searched at once; keep it either here or under parameters")
        for name in space.parameters
        if name in space.trial
    ]
    problems += [
        (f"parameters.{name}", "changes what is measured and makes trials incomparable; put it under trial")
        for name in space.parameters
        if name in MEASUREMENT_KEYS
    ]
    fixed = {key: value for key, value in space.trial.items() if key not in space.parameters}
    problems += trial_problems(fixed)
    if not problems:
        problems += _parameter_problems(space, fixed)
    for index, point in enumerate(space.search.start_points):
        problems += _start_point_problems(space, point, f"search.start_points.{index}")
    return problems


def trial_problems(trial: dict[str, Any]) -> list[tuple[str, str]]:
    """Find where a space's `trial` breaks the trainer's rules, as (path in the file, message) pairs."""
    try:
        TrialConfig.from_mapping(trial)
    except ConfigError as error:
        return [(f"trial.{key}", message) for key, message in error.problems]
    return []


def _parameter_problems(space: Space, fixed: dict[str, Any]) -> list[tuple[str, str]]:
    """Try the ends of all ranges and all choices, combined: the trainer has rules between settings, too."""
    problems = []
    extremes = {}
    for name, parameter in space.parameters.items():
        if name in TRIAL_KEYS:
            extremes[name] = parameter.extremes().items()
        else:
            problems += [(f"parameters.{name}", message) for _, message in trial_problems({name: None})]
    for corner in islice(product(*extremes.values()), _MOST_CORNERS):
        values = dict(zip(extremes, corner, strict=True))
        try:
            TrialConfig.from_mapping({**fixed, **{name: value for name, (_, value) in values.items()}})
        except ConfigError as error:
            problems += [
                (f"parameters.{name}.{values[name][0]}" if name in values else f"trial.{name}", message)
                for name, message in error.problems
            ]
    return list(dict.fromkeys(problems))


def _start_point_problems(space: Space, point: dict[str, Any], path: str) -> list[tuple[str, str]]:
    problems = []
    for name, value in point.items():
        if name not in space.parameters:
            known = ", ".join(space.parameters)
            problems.append((f"{path}.{name}", f"not a searched parameter; those are {known}"))
            continue
        distribution = space.parameters[name].distribution()
        try:
            inside = distribution._contains(distribution.to_internal_repr(value))  # noqa: SLF001
        except (ValueError, TypeError):
            inside = False
        if not inside:
            problems.append((f"{path}.{name}", f"the value is {value!r}, but must be {space.parameters[name].rule}"))
    return problems
