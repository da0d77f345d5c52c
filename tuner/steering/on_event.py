"""`on_event`: a command of the user that runs when a search has finished, has broken off, or has a new front point.

It runs in a thread and a process of its own, with the event in environment variables. It never blocks the search, and
however it ends, the search goes on.
"""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import NamedTuple

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.epochs import undominated_epochs
from tuner.pareto.objectives import FloatArray, as_losses, within_limits
from tuner.search import Listener
from tuner.space import Space

# A command that takes longer is ended: the next events wait for it.
_SECONDS = 60.0
_CLOSING_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Event(StrEnum):
    """What a user is told of."""

    FINISHED = "finished"
    BROKEN_OFF = "broken_off"
    FRONT = "front"


class _Point(NamedTuple):
    """What may be on the front: metrics, and the epoch that they are of if they are no final values."""

    metrics: Mapping[str, float]
    epoch: int | None = None


class EventCommand(Listener):
    """Listens to a search and runs a command on its events, one at a time, in their order.

    The command is one line for the shell. It finds the event in TUNER_EVENT (finished, broken_off or front), the name
    of the search in TUNER_SEARCH, a sentence in TUNER_TEXT, and the number of a new front point in TUNER_TRIAL.
    """

    def __init__(self, command: str, search: str, space: Space, trials: Sequence[TrialRecord] = ()) -> None:
        """`trials` are those on record: points that they have on the front are not new."""
        self._command = command
        self._search = search
        self._space = space
        self._front: list[FloatArray] = []
        for trial in trials:
            self._enters_front(trial)
        self._events: SimpleQueue[Mapping[str, str] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="on-event", daemon=True)
        self._thread.start()

    def on_ended(self, trial: TrialRecord) -> None:
        """Tell of a new point of the front."""
        if entered := self._enters_front(trial):
            values = "; ".join(map(self._in_words, entered))
            self._tell(Event.FRONT, f"Trial {trial.number} of {self._search} is on the front: {values}.", trial.number)

    def close(self, event: Event | None, seconds: float = _CLOSING_SECONDS) -> None:
        """Tell how the search ended, if the user is told of that, and wait some `seconds` for the commands.

        What waits then behind a command that still runs is dropped, and reported in the log; but the end of the search
        is told at once, beside that command.
        """
        if event is not None:
            words = "has finished" if event is Event.FINISHED else "has broken off; it can be resumed"
            self._tell(event, f"{self._search} {words}.")
        self._events.put(None)
        self._thread.join(seconds)
        waiting = [one for one in self._drained() if one is not None]
        if event is not None and waiting:
            self._tell_beside(waiting.pop(), seconds)
        if waiting:
            numbers = ", ".join(one["TUNER_TRIAL"] for one in waiting)
            _log.warning("The command of on_event was not run for trials %s: an earlier one still runs.", numbers)

    def _drained(self) -> Iterator[Mapping[str, str] | None]:
        with suppress(Empty):
            while True:
                yield self._events.get_nowait()

    def _tell_beside(self, event: Mapping[str, str], seconds: float) -> None:
        """Start the command, and leave it to itself after `seconds`: it does not need this process."""
        try:
            _started(self._command, event).wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        except OSError as error:
            _warn_of(event, error)

    def _in_words(self, point: "_Point") -> str:
        values = ", ".join(f"{o.name} {point.metrics[o.name]:.4g}" for o in self._space.objective_list)
        return values if point.epoch is None else f"{values} at epoch {point.epoch}"

    def _enters_front(self, trial: TrialRecord) -> list["_Point"]:
        """Take a trial to the front, and return what of it belongs there: its final values, or some of its epochs."""
        return [point for point in self._candidates(trial) if self._is_new(point.metrics)]

    def _candidates(self, trial: TrialRecord) -> list["_Point"]:
        space = self._space
        if not space.every_epoch:
            # A repeat changes the mean of a point that is known already.
            new = trial.outcome is Outcome.COMPLETED and not space.is_repeat(trial.parameters)
            return [_Point(trial.last_metrics)] if new else []
        measured = {report.epoch: report.metrics for report in trial.reports}
        best = undominated_epochs(measured, space.objective_list, space.constraint_list)
        return [] if trial.outcome is Outcome.RUNNING else [_Point(measured[epoch], epoch) for epoch in best]

    def _is_new(self, metrics: Mapping[str, float]) -> bool:
        if not within_limits(metrics, self._space.constraint_list):
            return False
        losses = as_losses([metrics], self._space.objective_list)[0]
        if not np.isfinite(losses).all() or any((other <= losses).all() for other in self._front):
            return False
        self._front = [other for other in self._front if not (losses <= other).all()] + [losses]
        return True

    def _tell(self, event: Event, text: str, trial: int | None = None) -> None:
        number = {} if trial is None else {"TUNER_TRIAL": str(trial)}
        self._events.put({"TUNER_EVENT": event.value, "TUNER_SEARCH": self._search, "TUNER_TEXT": text, **number})

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                run_command(self._command, event)
            except (OSError, subprocess.SubprocessError) as error:
                _warn_of(event, error)


def _warn_of(event: Mapping[str, str], error: Exception) -> None:
    _log.warning("The command of on_event failed on %s: %s.", event["TUNER_EVENT"], error)


def run_command(command: str, variables: Mapping[str, str], seconds: float = _SECONDS) -> None:
    """Run a line of the shell with environment variables, and without the driver's terminal.

    Raise what `subprocess` raises if its exit code is not 0, or after `seconds`, when it is ended with its children.
    """
    process = _started(command, variables)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code != 0:
        raise subprocess.CalledProcessError(code, command)


def _started(command: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S602 - a line of the user's own space, for the shell
        command,
        shell=True,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
