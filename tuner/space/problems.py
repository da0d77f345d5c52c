"""Faults of a space that no single field shows: the rules of the trainer, names, points."""

from typing import Any

from training.config import (
    MEASUREMENT_KEYS,
    ConfigError,
    field_problems,
    file_key,
    foreign_keys,
    metric_fault,
    parse_trial,
    share_fault,
    trial_keys,
)
from training.config.conflicts import group_conflicts
from training.config.preset_files import UnknownPresetError, with_preset
from training.outside_code import PlugInError, import_outside, is_outside
from training.registry import outside_modules
from tuner.space.condition_problems import condition_problems, idle_keys, key_problems, point_faults
from tuner.space.front_problems import candidates_problems, reseed_problems
from tuner.space.grid_problems import grid_problems
from tuner.space.model import Space
from tuner.space.points import STOP_AFTER
from tuner.space.samplers import sampler_fault, unknown_sampler

_Problems = list[tuple[str, str]]


def cross_problems(space: Space) -> _Problems:
    """Return the faults that single fields cannot show: broken rules of the trainer, unknown metrics, wrong points.

    Each fault is (path in the file, message). Without faults the space can be searched. The code from outside that the
    space uses is imported.
    """
    if faults := trial_problems({"imports": list(space.imports)}):
        return [("imports", message) for _, message in faults]
    sampler = sampler_fault(space.search.sampler, has_conditions=bool(space.conditions))
    if sampler is not None:
        return [("search.sampler", sampler)]
    conditions = condition_problems(space)
    problems = [
        *_metric_problems(space, outside=True),
        *form_problems(space),
        *_points_problems(space),
        *(conditions or grid_problems(space)),
    ]
    fixed = {key: value for key, value in space.trial.items() if key not in space.parameters}
    problems += trial_problems(fixed)
    if not problems:
        problems += _parameter_problems(space)
    later = (_preset_problems, idle_keys, _attack_problems, candidates_problems, reseed_problems)
    return problems or [problem for find in later for problem in find(space)]


def form_problems(space: Space) -> _Problems:
    """Return the faults that can be found without the trainer, and without importing code from outside."""
    problems = [*_metric_problems(space, outside=False), *_objective_problems(space)]
    problems += [*key_problems(space), *_rung_problems(space), *_leak_problems(space), *_stop_problems(space)]
    if "imports" in space.trial or "imports" in space.parameters:
        problems.append(("imports", "stands at the top of the space, beside trial and parameters; move it there"))
    if not space.imports and (fault := unknown_sampler(space.search.sampler)):
        problems.append(("search.sampler", fault))
    gpus = space.resources.gpus_per_trial
    if gpus > 1 and not gpus.is_integer():
        rule = "a whole number above 1, for a trial on several GPUs, or at most 1, for a share of one"
        problems.append(("resources.gpus_per_trial", f"the value is {gpus:g}, but must be {rule}"))
    return problems


def _points_problems(space: Space) -> _Problems:
    problems: _Problems = []
    for section in ("start_points", "points"):
        for index, point in enumerate(getattr(space.search, section)):
            faults = point_faults(space, point)
            problems += [(f"search.{section}.{index}.{name}", fault) for name, fault in faults.items()]
    return problems


def trial_problems(trial: dict[str, Any]) -> _Problems:
    """Return the faults of single keys of `trial`, as (path in the file, message).

    Rules between keys are checked for complete points only: a searched key does not have the trainer's default.
    """
    try:
        problems = field_problems(with_preset(trial))
    except UnknownPresetError as error:
        problems = [("preset", str(error))]
    return [(f"trial.{key}", message) for key, message in problems]


def _objective_problems(space: Space) -> _Problems:
    problems: _Problems = []
    for name, objective in space.objectives.items():
        if objective.direction == "minimize" and "reference" not in objective.model_fields_set:
            rule = "is minimised and needs a `reference` for the hypervolume: the worst value that is of use"
            problems.append((f"objectives.{name}", rule))
        for key in ("reference", "at_least", "at_most"):
            value = getattr(objective, key)
            if value is not None and (fault := share_fault(name, value)):
                problems.append((f"objectives.{name}.{key}", f"the value is {value:g}, but {fault}"))
    for name, constraint in space.constraints.items():
        if name in space.objectives:
            problems.append((f"constraints.{name}", "is an objective; give it at_least or at_most there"))
        for key in ("at_least", "at_most"):
            value = getattr(constraint, key)
            if value is not None and (fault := share_fault(name, value)):
                problems.append((f"constraints.{name}.{key}", f"the value is {value:g}, but {fault}"))
    return problems


def _metric_problems(space: Space, *, outside: bool) -> _Problems:
    """Return the objectives and constraints that no trial reports.

    With `outside` these are those that only code from outside can know, which is imported; else all others.
    """
    named = [(section, name) for section in ("objectives", "constraints") for name in getattr(space, section)]
    known = [(section, name) for section, name in named if outside is (bool(space.imports) or is_outside(name))]
    found = [(f"{section}.{name}", metric_fault(name)) for section, name in known]
    return [(path, fault) for path, fault in found if fault is not None]


def _point_faults(values: dict[str, Any], processes: int) -> _Problems:
    try:
        return group_conflicts(parse_trial(values), processes)
    except ConfigError as error:
        return error.problems


def _parameter_problems(space: Space) -> _Problems:
    """Return the faults of all combinations of range ends and choices: the trainer has rules between keys."""
    keys = {*trial_keys(), "preset"}
    unknown = {name: space.key_of(name) for name in space.parameters if space.key_of(name) not in keys}
    problems = [
        (f"parameters.{name}" if name == key else f"parameters.{name}.key", message)
        for name, key in unknown.items()
        for _, message in trial_problems({key: None})
    ]
    for index, corner in enumerate(space.corners()):
        known = {name: value for name, value in corner.items() if name not in unknown}
        paths = {space.key_of(name): _path(space, index, name, value) for name, value in known.items()}
        problems += [(paths.get(key, f"trial.{key}"), message) for key, message in _corner_problems(space, known)]
    return list(dict.fromkeys(problems))


def _corner_problems(space: Space, corner: dict[str, Any]) -> _Problems:
    """Return the faults of one point, as (key, message)."""
    try:
        values = with_preset(space.given_keys(corner))
    except UnknownPresetError as error:
        return [("preset", str(error))]
    problems = _point_faults(values, space.resources.processes_per_trial)
    idle = set(foreign_keys(values)) & set(map(space.key_of, corner)) if problems else set()
    hint = ", or give the parameter a condition (when)"
    return [(key, message + hint if key in idle else message) for key, message in problems]


def _path(space: Space, index: int, name: str, value: Any) -> str:
    """Return where the file has a value of corner number `index`."""
    if space.search.sampler == "grid":
        points = space.search.points
        return f"search.points.{index % len(points)}.{name}" if points else f"parameters.{name}"
    ends = space.parameters[name].extremes() if name in space.parameters else {}
    end = next((end for end, known in ends.items() if known == value), None)
    return f"parameters.{name}" if end is None else f"parameters.{name}.{end}"


def _rung_problems(space: Space) -> _Problems:
    """Refuse rungs of a trial beside those that follow from early stopping."""
    if space.early_stopping.scheduler == "none" or "rungs" not in space.trial:
        return []
    return [("trial.rungs", "follows from early_stopping; remove it, or set early_stopping.scheduler: none")]


def _stop_problems(space: Space) -> _Problems:
    """Refuse trials that end before their schedules; only a confirmation of single epochs has them."""
    given = [f"parameters.{name}" for name in space.names_of(STOP_AFTER)]
    given += [f"trial.{STOP_AFTER}"] if space.trial.get(STOP_AFTER) else []
    if space.confirm is not None:
        return []
    rule = "ends a trial before its schedules do, for `tuner confirm --epoch` and `training.run`; set epochs instead"
    return [(path, rule) for path in given]


def _leak_problems(space: Space) -> _Problems:
    """Refuse to train on the images by which trials are compared; only a confirmation, on the test set, may do so."""
    if space.confirm is not None or space.trial.get("train_on", "train") == "train":
        return []
    rule = "a search compares trials by the validation images, so none may be trained on them; remove it"
    return [
        ("trial.train_on", f"the value is {space.trial['train_on']}, but {rule} (tuner confirm does it at the end)")
    ]


def _attack_problems(space: Space) -> _Problems:
    """Import the modules of a confirmation's own attacks, and return the faults."""
    attacks = space.confirm.attacks if space.confirm is not None else []
    problems: _Problems = []
    for module in outside_modules(attacks):
        try:
            import_outside(module)
        except PlugInError as error:
            problems.append(("confirm.attacks", str(error)))
    return problems


def _preset_problems(space: Space) -> _Problems:
    """Return the measurement keys in which the searched presets differ."""
    names = space.names_of("preset")
    if not names:
        return []
    found = {
        next((corner[name] for name in names if name in corner), "no preset"): corner for corner in space.corners()
    }
    configs = {preset: space.trial_config(corner).to_mapping() for preset, corner in found.items()}
    (first, one), *others = configs.items()
    return [
        (f"trial.{key}", f"{first} has {one[key]} and {other} {two[key]}; fix it under trial")
        for other, two in others
        for key in map(file_key, MEASUREMENT_KEYS)
        if one[key] != two[key]
    ]
