"""Trials that a search is asked to run: by `tuner add`, by `Study.enqueue_trial`, or in optuna-dashboard."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.ledger import Ledger
from tuner.space import Space
from tuner.space.condition_problems import unmet_condition
from tuner.space.parameters import value_fault

_log = logging.getLogger(__name__)


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


class EnqueuedTrials:
    """The enqueued trials in a ledger. One that the space does not allow is named once and stays where it is."""

    def __init__(self, space: Space, ledger: Ledger) -> None:
        self._space = space
        self._ledger = ledger
        self._refused: set[int] = set()

    def runnable(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the trials that the search can run by number, each with its parameters."""
        for number, wanted in self._ledger.enqueued().items():
            fault = fault_of_enqueued(self._space, wanted)
            if fault is None:
                yield number, wanted
            elif number not in self._refused:
                _log.warning("Trial %d, which another program has enqueued, is ignored: %s.", number, fault)
                self._refused.add(number)
