"""What a node does not compute as the space asks, told once: the trials' own logs are read by nobody."""

from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.not_pickled import Unpickled

# The key under which a trial reports the trainer's fallbacks.
REPORTED = "fallbacks"


class FallbackCallback(Unpickled, tune.Callback):
    """Calls `on_fallback` with each text that trials report, once for all trials of a session."""

    def __init__(self, on_fallback: Callable[[str], None]) -> None:
        self._on_fallback = on_fallback
        self._told: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Tell what is new."""
        del iteration, trials, trial, info
        for text in result.get(REPORTED, []):
            if text not in self._told:
                self._told.add(text)
                self._on_fallback(text)
