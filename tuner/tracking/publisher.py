"""The thread that keeps MLflow and the front's files current while a search runs, and never slows it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.ledger import TrialRecord
from tuner.report.files import write_front_files
from tuner.report.front_data import FrontData, front_data
from tuner.search import Assignment
from tuner.space import Space
from tuner.tracking.projection import Projection

_INTERVAL_SECONDS = 2.0
_FILES_INTERVAL_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Publisher:
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
        self._files_at = 0.0
        self._files_of = -1
        self._failing = False
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
        self._thread.start()

    def close(self, status: str) -> bool:
        """Publish the last state and end the parent run; say whether all of it could be written."""
        self._closing.set()
        self._thread.join()
        return self._attempt(lambda: self._publish_last(status))

    def _run(self) -> None:
        while not self._closing.wait(self._pause):
            if self._changed:
                self._changed = False
                if not self._attempt(self._publish):
                    self._changed = True

    def _publish(self) -> None:
        """Write what is new; the front's files only now and then: they take a second of a core."""
        front = self._front()
        due = time.monotonic() - self._files_at > _FILES_INTERVAL_SECONDS
        files = []
        if due and len(front.points) != self._files_of:
            files = write_front_files(self._folder, front)
            self._files_at, self._files_of = time.monotonic(), len(front.points)
        self._projection.write(self._trials(), front)
        self._projection.write_files(files)

    def _publish_last(self, status: str) -> None:
        front = self._front()
        files = write_front_files(self._folder, front)
        self._projection.write(self._trials(), front)
        self._projection.write_files([self._folder / "space.yaml", *files])
        self._projection.close(status)

    def _front(self) -> FrontData:
        space = self._space
        return front_data(self._search, self._trials(), space.objective_list, space.reference, space.trial)

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Write, and on any failure warn once and wait longer before the next attempt."""
        try:
            write()
        except Exception as error:  # noqa: BLE001 - whatever tracking raises, the search must go on
            if not self._failing:
                _log.warning(
                    "MLflow or the front's files cannot be written (%s: %s). The search goes on and its ledger is "
                    "complete; what is missing is written as soon as it can be, or later by `tuner sync %s`.",
                    type(error).__name__,
                    str(error).splitlines()[0] if str(error) else "",
                    self._search,
                )
            self._failing = True
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            return False
        self._failing = False
        self._pause = _INTERVAL_SECONDS
        return True
