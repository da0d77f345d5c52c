"""Trials that other programs ask a search to run, by `Study.enqueue_trial` or in optuna-dashboard."""

from collections.abc import Mapping
from typing import Any

from tuner.space import Space
from tuner.space.condition_problems import unmet_condition
from tuner.space.parameters import value_fault


def fault_of_enqueued(space: Space, wanted: Mapping[str, Any]) -> str | None:
    """Return why a search cannot run a trial with these parameters, or None if it can.

    Parameters that are absent are proposed by the sampler.
    """
    if space.search.sampler == "grid":
        return "a grid runs its own points only"
    for name, value in wanted.items():
        if name not in space.parameters:
            return f"{name} is not a parameter of the space; those are {', '.join(space.parameters)}"
        fault = value_fault(space.parameters[name], value) or unmet_condition(space, name, wanted)
        if fault is not None:
            return f"{name} is {fault}"
    return None
