"""Ray Tune's callbacks: they pass on crashes, and what a node computes in another way than the space asks."""

from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.adapters import LedgerSearcher
from tuner.engine.crashes import Crashes
from tuner.engine.ray_private import (
    EmptyPickle,
    allow_failures,
    continue_from,
    failures,
    forget_metrics,
    has_failed,
    last_exception,
    last_failure,
    ray_task,
)
from tuner.engine.trial_task import FALLBACKS_KEY
from tuner.redact import redact
from tuner.steering.steering import Steering

NO_MESSAGE = "the trial's process ended without an error message"


class FailureCallback(EmptyPickle, tune.Callback):
    """Passes crashes on to `Crashes` with their tracebacks, and tells Ray how often to retry a trial.

    Each retry is reported to `on_retry(number, error)`.
    """

    def __init__(self, crashes: Crashes, on_retry: Callable[[int, str], None], searcher: LedgerSearcher) -> None:
        """`searcher` is told of the trials that Ray ends without telling it."""
        self._crashes = crashes
        self._on_retry = on_retry
        self._searcher = searcher
        self._done: set[str] = set()  # whose last report is on record
        self._ended: set[str] = set()
        self._counted: dict[str, int] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tell Ray how many retries the trial has left."""
        del iteration, trials, info
        self._allow_retries(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Note that trials can work here, unless the report is of an error.

        After its last report a trial may not start again, even if its process dies before Ray has ended it.
        """
        del iteration, trials, info
        if "out_of_memory" in result:
            self._on_retry(ray_task(trial).number, result["out_of_memory"])
        elif "error" not in result:
            self._crashes.record_epoch()
            self._allow_retries(trial)
        if result.get("done"):
            self._done.add(trial.trial_id)
            allow_failures(trial, failures(trial))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Free the memory that Ray keeps for the trial."""
        del iteration, trials, info
        forget_metrics(trial)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Record a crash; Ray starts the trial again.

        It continues from the checkpoints on record: Ray does not know the newest one if the process died too early.
        """
        del iteration, trials, info
        number, error = ray_task(trial).number, _last_error(trial)
        own = failures(trial) > self._counted.get(trial.trial_id, 0)
        self._counted[trial.trial_id] = failures(trial)
        self._crashes.record_retry(number, error, own=own)
        continue_from(trial, self._searcher.checkpoints(number))
        self._on_retry(number, error)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Record the crash of a trial that Ray does not start again, unless its last report is on record."""
        del iteration, trials, info
        self._ended.add(trial.trial_id)
        if trial.trial_id in self._done:
            forget_metrics(trial)
            return
        number, error = ray_task(trial).number, _last_error(trial)
        if self._crashes.give_up(number, error, mendable=_is_mendable(trial)):
            self._on_retry(number, error)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Find the trials whose process Ray could not prepare: Ray ends them without calling back."""
        for trial in trials:
            if has_failed(trial) and trial.trial_id not in self._ended:
                self._searcher.on_trial_complete(trial.trial_id, error=True)
                self.on_trial_error(iteration, trials, trial, **info)

    def _allow_retries(self, trial: Trial) -> None:
        """Set Ray's limit anew: Ray counts crashes from the session's start, and no epoch takes one back."""
        allow_failures(trial, failures(trial) + self._crashes.retries_left(ray_task(trial).number))


def _last_error(trial: Trial) -> str:
    error = last_failure(trial)
    return NO_MESSAGE if error is None else redact(error)


def _is_mendable(trial: Trial) -> bool:
    """Return whether a trial crashed because of data, a checkpoint or a file system: nothing that it could change."""
    from training.data import DataError
    from training.trainer.checkpoint import CheckpointError

    return isinstance(last_exception(trial), DataError | CheckpointError | OSError)


class FallbackCallback(EmptyPickle, tune.Callback):
    """Calls `on_fallback` with each text that trials report, once in a session: nobody reads the trials' own logs."""

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


class SteeringCallback(EmptyPickle, tune.Callback):
    """Lets the steering look for instructions between the events of Ray, and calls `on_stop` when the session ends."""

    def __init__(self, steering: Steering, on_stop: Callable[[], None]) -> None:
        self._steering = steering
        self._on_stop = on_stop

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Obey new instructions."""
        del iteration, trials, info
        if not self._steering.stopping:
            self._steering.poll()
        if self._steering.stopping:
            self._on_stop()
