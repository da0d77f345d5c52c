"""Trials that other programs ask a search to run, by `Study.enqueue_trial` or in optuna-dashboard."""

from collections.abc import Mapping
from typing import Any

from tuner.optuna_private import contains
from tuner.space import Space


def fault_of_enqueued(space: Space, wanted: Mapping[str, Any]) -> str | None:
    """Return why a search cannot run a trial with these parameters, or None if it can.

    Parameters that are absent are proposed by the sampler.
    """
    if space.search.sampler == "grid":
        return "a grid runs its own points only"
    for name, value in wanted.items():
        if name not in space.parameters:
            return f"{name} is not a parameter of the space; those are {', '.join(space.parameters)}"
        if not contains(space.parameters[name].distribution(), value):
            return f"{name} is {value!r}, but must be {space.parameters[name].rule}"
    return None
