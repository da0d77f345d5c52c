"""The thread that keeps MLflow and the result files current while a search runs, and never slows it."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.confirm.presentation import Presentation, presentation_of
from tuner.errors import first_line
from tuner.ledger import TrialRecord, as_interrupted
from tuner.report.analysis.forecast_check import with_forecast
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.rung_readings import silent_rungs, what_follows
from tuner.report.load import search_data
from tuner.runs.mirror import runs_flag
from tuner.search import Assignment, Listener
from tuner.space import Space
from tuner.tracking.projection import Projection

# How long this thread computes before the driver's loop gets its turn. With Python's 5 ms the loop would wait that long
# after each write to the disk, several times for each report, and take half as many reports.
_TURN_SECONDS = 0.0005
_TRIALS = "MLflow"
_FILES = "The result files"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often the publisher writes, and how much of the processor it may take.

    Attributes:
        interval_seconds: the pause between two rounds.
        longest_pause_seconds: the longest pause after rounds that failed; each failure doubles the pause.
        writing_share: the share of all time that writing to MLflow may compute while the search runs. With 1,000 trials
            at once a round computes for many seconds, which the driver's loop would lack.
        writing_seconds: how long it computes before it rests.
        files_interval_seconds: the shortest time between two drawings of the result files.
        files_share: the share of all time that drawing them may take: one second for a few trials, five for 10,000.
        closing_seconds: how long an interrupted search waits for MLflow at its end.

    """

    interval_seconds: float = 2.0
    longest_pause_seconds: float = 60.0
    writing_share: float = 0.2
    writing_seconds: float = 0.25
    files_interval_seconds: float = 20.0
    files_share: float = 0.02
    closing_seconds: float = 8.0


class Publisher(Listener):
    """Listens to the search in `folder` and publishes its state from a thread of its own.

    What cannot be written is written later: the ledger holds it, and each round writes everything that is missing.
    """

    def __init__(
        self,
        space: Space,
        folder: Path,
        projection: Projection,
        trials: Callable[[], Sequence[TrialRecord]],
        *,
        presentation: Presentation | None = None,
        pace: Pace | None = None,
        processor_clock: Callable[[], float] = time.thread_time,
        closing: threading.Event | None = None,
    ) -> None:
        self._space = space
        self._folder = folder
        self._projection = projection
        self._trials = trials
        self._presentation = presentation or presentation_of(space)
        self._pace = pace or Pace()
        self._processor_clock = processor_clock
        self._changed = True
        self._closing = closing or threading.Event()
        self._pause = self._pace.interval_seconds
        self._computed = 0.0
        self._files_due = 0.0
        self._files_show: object = None
        self._files_wait = False
        self._failing: set[str] = set()
        self._silent_rungs: set[tuple[int, str]] = set()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def on_started(self, assignment: Assignment) -> None:
        """Remember that there is something new."""
        del assignment
        self._changed = True

    def on_report(self, trial: TrialRecord) -> None:
        """Remember that there is something new."""
        del trial
        self._changed = True

    def on_ended(self, trial: TrialRecord) -> None:
        """Remember that there is something new."""
        del trial
        self._changed = True

    def start(self) -> None:
        """Start publishing."""
        sys.setswitchinterval(_TURN_SECONDS)
        self._thread.start()

    def close(self, status: str) -> bool:
        """Publish the last state and end the parent run; return whether everything could be written.

        An interrupted search has to end within 30 seconds, so it waits only a few of them.
        """
        self._closing.set()
        written: list[bool] = []
        closing = threading.Thread(target=lambda: written.append(self._close(status)), name="closing", daemon=True)
        closing.start()
        closing.join(None if status == "FINISHED" else self._pace.closing_seconds)
        return written == [True]

    def _close(self, status: str) -> bool:
        self._thread.join()
        front = self._front(as_interrupted(self._trials()))
        if status == "FINISHED":
            front = with_forecast(front, self._space)  # an interruption leaves no time for it
        if not self._attempt(_TRIALS, lambda: self._projection.write(self._trials(), front)):
            return False
        # If the artifacts cannot be written, the run in MLflow is ended all the same.
        filed = self._attempt(_FILES, lambda: self._write_files(front, self._folder / "space.yaml"))
        return self._attempt(_TRIALS, lambda: self._projection.close(status)) and filed

    def _run(self) -> None:
        while not self._closing.wait(self._pause):
            if self._changed or (self._files_wait and time.monotonic() >= self._files_due):
                self._changed = False
                if self._publish():
                    self._pause = self._pace.interval_seconds
                else:
                    self._changed = True
                    self._pause = min(2 * self._pause, self._pace.longest_pause_seconds)

    def _publish(self) -> bool:
        """Write what is new; draw the result files less often, as `Pace` says."""
        self._computed = self._processor_clock()
        front = self._front(self._trials())
        written = self._attempt(_TRIALS, lambda: self._projection.write(self._trials(), front, self._rest))
        epochs = sum(point.epochs for point in (*front.points, *front.repeats)) + sum(
            trial.epochs for trial in front.unfinished
        )
        shown = (front.counts, epochs, front.confirmed)
        self._files_wait = shown != self._files_show
        if not self._files_wait or time.monotonic() < self._files_due:
            return written
        computed = self._processor_clock()
        filed = self._attempt(_FILES, lambda: self._write_files(front))
        drawing_seconds = self._processor_clock() - computed
        pause = max(self._pace.files_interval_seconds, drawing_seconds / self._pace.files_share)
        self._files_due = time.monotonic() + pause
        if filed:
            self._files_show, self._files_wait = shown, False
        return filed and written

    def _rest(self) -> None:
        """Leave the processor to the driver's loop if this thread has had its share; at the end do not wait."""
        computed = self._processor_clock() - self._computed
        if computed >= self._pace.writing_seconds:
            self._closing.wait(computed * (1 / self._pace.writing_share - 1))
            self._computed = self._processor_clock()

    def _write_files(self, front: FrontData, *others: Path) -> None:
        front = front if front.rungs or front.seed_noise else with_forecast(front, self._space)
        for rung, warning in silent_rungs(front.rungs).items():
            if rung not in self._silent_rungs:
                self._silent_rungs.add(rung)
                _log.warning("%s %s", warning, what_follows(self._space.early_stopping.scheduler))
        self._projection.write_rungs(front.rungs)
        self._projection.write_files([*others, *self._presentation.write_files(self._folder, front)])

    def _front(self, trials: Sequence[TrialRecord]) -> FrontData:
        return search_data(self._folder.parent, self._folder.name, self._space, trials)

    def _attempt(self, what: str, write: Callable[[], None]) -> bool:
        """Write, and return whether it succeeded; of several failures in a row only the first is logged."""
        try:
            write()
        except Exception as error:  # noqa: BLE001 - whatever is raised here, the search must continue
            if what not in self._failing:
                _log.warning(
                    "%s cannot be written (%s: %s). The search continues, and its ledger is complete. The rest is "
                    "written as soon as possible, or later by `tuner sync %s%s`.",
                    what,
                    type(error).__name__,
                    first_line(error),
                    self._folder.name,
                    runs_flag(self._folder.parent),
                )
            self._failing.add(what)
            return False
        self._failing.discard(what)
        return True
