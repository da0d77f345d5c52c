"""The thread that keeps MLflow and the front's files current while a search runs, and never slows it."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tuner.confirm.result_files import write_results
from tuner.ledger import TrialRecord, as_interrupted
from tuner.report.analysis.confirmations import confirmed_trials
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.search import Assignment, Listener
from tuner.space import Space
from tuner.tracking.projection import Projection

_INTERVAL_SECONDS = 2.0
# Of all time, what writing to MLflow may compute while the search runs, in turns of a quarter of a second: with 1,000
# trials at once a round computes for many seconds, which the driver's loop would lack.
_WRITING_SHARE = 0.2
_WRITING_SECONDS = 0.25
_FILES_INTERVAL_SECONDS = 20.0
# Of all time, what drawing the front's files may take: a second of a core for some trials, five for 10,000.
_FILES_SHARE = 0.02
_LONGEST_PAUSE_SECONDS = 60.0
_CLOSING_SECONDS = 8.0
# How long this thread computes before the driver's gets its turn again. Python's 5 ms would come with each wait for the
# ledger's disk, several times a report, and halve the reports that a driver takes.
_TURN_SECONDS = 0.0005
_TRIALS = "MLflow"
_FILES = "The front's files"

_log = logging.getLogger(__name__)


class Publisher(Listener):
    """Listens to a search and publishes its state from a thread of its own.

    What could not be written is written later: the ledger holds it, and each round writes all that is missing.
    """

    def __init__(
        self,
        search: str,
        space: Space,
        folder: Path,
        projection: Projection,
        trials: Callable[[], Sequence[TrialRecord]],
    ) -> None:
        self._search = search
        self._space = space
        self._folder = folder
        self._projection = projection
        self._trials = trials
        self._changed = True
        self._closing = threading.Event()
        self._pause = _INTERVAL_SECONDS
        self._computed = 0.0
        self._files_due = 0.0
        self._files_show: object = None
        self._files_wait = False
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def on_started(self, assignment: Assignment) -> None:
        """Note that there is something new."""
        del assignment
        self._changed = True

    def on_report(self, trial: TrialRecord) -> None:
        """Note that there is something new."""
        del trial
        self._changed = True

    def on_ended(self, trial: TrialRecord) -> None:
        """Note that there is something new."""
        del trial
        self._changed = True

    def start(self) -> None:
        """Start publishing."""
        sys.setswitchinterval(_TURN_SECONDS)
        self._thread.start()

    def close(self, status: str) -> bool:
        """Publish the last state and end the parent run; say whether all of it could be written.

        An interrupted search, which has to end within 30 seconds, waits a few of them and no more.
        """
        self._closing.set()
        written: list[bool] = []
        closing = threading.Thread(target=lambda: written.append(self._close(status)), name="closing", daemon=True)
        closing.start()
        closing.join(None if status == "FINISHED" else _CLOSING_SECONDS)
        return written == [True]

    def _close(self, status: str) -> bool:
        self._thread.join()
        front = self._front(as_interrupted(self._trials()))
        if not self._attempt(_TRIALS, lambda: self._projection.write(self._trials(), front)):
            return False
        # A folder of artifacts that cannot be written leaves no search open for ever.
        filed = self._attempt(_FILES, lambda: self._write_files(front, self._folder / "space.yaml"))
        return self._attempt(_TRIALS, lambda: self._projection.close(status)) and filed

    def _run(self) -> None:
        while not self._closing.wait(self._pause):
            if self._changed or (self._files_wait and time.monotonic() >= self._files_due):
                self._changed = False
                if self._publish():
                    self._pause = _INTERVAL_SECONDS
                else:
                    self._changed = True
                    self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def _publish(self) -> bool:
        """Write what is new; the front's files only now and then: see `_FILES_SHARE`."""
        self._computed = time.thread_time()
        front = self._front(self._trials())
        written = self._attempt(_TRIALS, lambda: self._projection.write(self._trials(), front, self._rest))
        epochs = sum(point.epochs for point in front.points) + sum(trial.epochs for trial in front.stopped)
        shown = (front.counts, epochs, front.confirmed)
        self._files_wait = shown != self._files_show
        if not self._files_wait or time.monotonic() < self._files_due:
            return written
        computed = time.thread_time()
        filed = self._attempt(_FILES, lambda: self._write_files(front))
        pause = max(_FILES_INTERVAL_SECONDS, (time.thread_time() - computed) / _FILES_SHARE)
        self._files_due = time.monotonic() + pause
        if filed:
            self._files_show, self._files_wait = shown, False
        return filed and written

    def _rest(self) -> None:
        """Leave the processor to the driver's loop once this thread has had its share; never at the end of a search."""
        computed = time.thread_time() - self._computed
        if computed >= _WRITING_SECONDS:
            self._closing.wait(computed * (1 / _WRITING_SHARE - 1))
            self._computed = time.thread_time()

    def _write_files(self, front: FrontData, *others: Path) -> None:
        self._projection.write_files([*others, *write_results(self._folder, self._space, self._trials(), front)])

    def _front(self, trials: Sequence[TrialRecord]) -> FrontData:
        space = self._space
        data = front_data(self._search, trials, space.objective_list, space.reference, space.trial)
        return replace(data, confirmed=confirmed_trials(self._folder.parent, self._search, trials))

    def _attempt(self, what: str, write: Callable[[], None]) -> bool:
        """Write, and say whether it went well; of failure after failure only the first is told."""
        try:
            write()
        except Exception as error:  # noqa: BLE001 - whatever tracking raises, the search must go on
            if what not in self._failing:
                _log.warning(
                    "%s cannot be written (%s: %s). The search goes on and its ledger is "
                    "complete; what is missing is written as soon as it can be, or later by `tuner sync %s`.",
                    what,
                    type(error).__name__,
                    str(error).splitlines()[0] if str(error) else "",
                    self._search,
                )
            self._failing.add(what)
            return False
        self._failing.discard(what)
        return True
