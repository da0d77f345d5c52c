"""What a node computes in another way than the space asks, reported once: nobody reads the trials' own logs."""

from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.empty_pickle import EmptyPickle

# The key under which a trial reports the trainer's fallbacks.
FALLBACKS_KEY = "fallbacks"


class FallbackCallback(EmptyPickle, tune.Callback):
    """Calls `on_fallback` with each text that trials report, once for all trials of a session."""

    def __init__(self, on_fallback: Callable[[str], None]) -> None:
        self._on_fallback = on_fallback
        self._known: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Pass on the texts that are new."""
        del iteration, trials, trial, info
        for text in result.get(FALLBACKS_KEY, []):
            if text not in self._known:
                self._known.add(text)
                self._on_fallback(text)
