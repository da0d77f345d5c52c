"""Faults of conditions and of the keys that parameters set: what a single parameter does not show."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from training.config import MEASUREMENT_KEYS, defaults_of, field_problems, trial_keys
from training.nearest_names import unknown_key
from training.registry import DATASETS
from tuner.space.conditions import can_hold_together, holds, in_order, whole_condition
from tuner.space.fractions import number_or_text
from tuner.space.model import Space
from tuner.space.parameters import value_fault

_Problems = list[tuple[str, str]]


def key_problems(space: Space) -> _Problems:
    """Return the faults of the keys that parameters set, as (path in the file, message)."""
    problems = []
    keys = {*trial_keys(), "preset"}
    for name in space.parameters:
        key = space.key_of(name)
        if key != name and name in keys:
            problems.append((f"parameters.{name}", f"has the name of a key, but sets {key}; choose another name"))
        elif key != name and not name.isidentifier():
            problems.append((f"parameters.{name}", "a name of your own has letters, digits and _ only"))
        if key in space.trial and name not in space.conditions:
            problems.append((f"trial.{key}", "fixed and searched at once; keep it either here or under parameters"))
        if key in MEASUREMENT_KEYS or DATASETS.owners(key):
            rule = "changes what is measured and makes trials incomparable; put it under trial"
            problems.append((f"parameters.{name}", rule))
    return problems


def condition_problems(space: Space) -> _Problems:
    """Return the faults of conditions. Without any, each parameter is searched in some trial, and no key is set twice.

    Later checks need valid conditions: one on a circle would never be decided.
    """
    problems = [
        (f"parameters.{name}.when.{other}", fault)
        for name, parameter in space.parameters.items()
        for other, values in parameter.when.items()
        if (fault := _condition_fault(space, other, values))
    ]
    return problems or _circles(space) or [*_impossible(space), *_keys_set_twice(space)]


def point_faults(space: Space, point: Mapping[str, Any]) -> dict[str, str]:
    """Return, by parameter, why a point cannot have a value: it is no parameter, no value, or its condition fails."""
    faults = {}
    for name, value in point.items():
        if name not in space.parameters:
            faults[name] = f"not a searched parameter; those are {', '.join(space.parameters)}"
        elif fault := value_fault(space.parameters[name], value):
            faults[name] = f"the value is {fault}"
        elif rule := unmet_condition(space, name, point):
            faults[name] = rule
    return faults


def unmet_condition(space: Space, name: str, point: Mapping[str, Any]) -> str | None:
    """Return why a point cannot have a parameter of the space beside its other values; None if it can."""
    if holds(name, point, space.conditions):
        return None
    wanted = " and ".join(f"{other} {_one_of(values)}" for other, values in space.conditions[name].items())
    return f"searched only with {wanted}; remove it, or give the point such values"


def idle_keys(space: Space) -> _Problems:
    """Return the keys of `trial` that a parameter sets in every trial that has them. The space is valid otherwise."""
    searched = {space.key_of(name) for name in space.conditions} & space.trial.keys()
    for branch in space.branches() if searched else ():
        set_here = set(map(space.key_of, branch))
        searched -= {key for key in searched if key in space.given_keys(branch) and key not in set_here}
    rule = "has no effect: a parameter sets it in every trial that has this key; remove it here"
    return [(f"trial.{key}", rule) for key in sorted(searched)]


def _condition_fault(space: Space, other: str, values: list[Any]) -> str | None:
    """Return why no parameter can wait for these values of `other`, or None."""
    if other in space.parameters:
        parameter = space.parameters[other]
        if parameter.count is None:
            return f"{other} is a range of real numbers, which hits no single value; give it a step or choices"
        faults = (value_fault(parameter, value) for value in values)
        return next((f"the value is {fault}" for fault in faults if fault), None)
    if names := space.names_of(other):
        return f"the parameters {', '.join(names)} set this key; name one of them"
    return _fixed_key_fault(space, other, values)


def _fixed_key_fault(space: Space, key: str, values: list[Any]) -> str | None:
    if key not in trial_keys():
        return unknown_key(key, dict.fromkeys([*space.parameters, *trial_keys()]))
    wrong = next((message for value in values for _, message in field_problems({key: value})), None)
    if wrong is not None:
        return wrong
    wanted = [number_or_text(value) for value in values]
    if key in space.trial:
        return None if number_or_text(space.trial[key]) in wanted else _never(key, space.trial[key], values)
    defaults = [] if space.names_of("preset") or key == "seed" else defaults_of(key)
    if len(defaults) != 1:
        return f"not the same in all trials; put {key} under trial, or name the parameter that decides it"
    return None if defaults[0] in wanted else _never(key, defaults[0], values)


def _never(key: str, value: Any, values: list[Any]) -> str:
    return f"never holds: {key} is {value} in every trial, not {_one_of(values)}; remove the parameter or search {key}"


def _circles(space: Space) -> _Problems:
    decided = in_order(space.parameters, space.conditions)
    waiting = [name for name in space.parameters if name not in decided]
    if not waiting:
        return []
    circle = [waiting[0]]
    while circle.count(circle[-1]) < 2:  # each waits for another one that waits
        circle.append(next(other for other in space.conditions[circle[-1]] if other in waiting))
    circle = circle[circle.index(circle[-1]) :]
    return [(f"parameters.{circle[0]}.when", f"the conditions form a circle: {' -> '.join(circle)}; remove one")]


def _impossible(space: Space) -> _Problems:
    """Return the conditions that contradict those of the parameters that they name."""
    return [
        (f"parameters.{name}.when", f"never holds: the conditions it rests on ask for different values of {other}")
        for name in space.conditions
        for other, values in whole_condition(name, space.conditions).items()
        if not values
    ]


def _keys_set_twice(space: Space) -> _Problems:
    problems = []
    for first, second in combinations(space.parameters, 2):
        key = space.key_of(first)
        if key == space.key_of(second) and can_hold_together(first, second, space.conditions):
            rule = f"sets {key}, as {first} does, and both can be searched in one trial; give them conditions (when)"
            problems.append((f"parameters.{second}", rule))
    return problems


def _one_of(values: Sequence[Any]) -> str:
    return " or ".join(map(str, values))
