"""What stays on disk of a trial: all it may continue from while it runs, its last checkpoint once it has ended."""

import logging
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from tuner.ledger import TrialRecord, trial_name
from tuner.runs.mirror import file_system, names_at
from tuner.search import Assignment, Listener

_log = logging.getLogger(__name__)


class _Sweeper(Listener, AbstractContextManager["_Sweeper"]):
    """Listens to a search and is told of the ends of its trials."""

    def on_started(self, assignment: Assignment) -> None:
        """Do nothing: the trial may need all its checkpoints."""

    def on_report(self, trial: TrialRecord) -> None:
        """Do nothing: the worker removes its older checkpoints itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace


class CheckpointSweeper(_Sweeper):
    """Listens to a search whose sessions lie in `folder`/ray, and removes what ended trials leave behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_ended(self, trial: TrialRecord) -> None:
        """Remove the trial's checkpoints of all sessions but the last on record, from which weights are exported."""
        last = next((report.checkpoint for report in reversed(trial.reports) if report.checkpoint), None)
        if last is not None and not (self._folder / last).is_dir():
            return  # moved, or in another storage: then what is here may be all there is
        for checkpoint in self._checkpoints(trial.number):
            if last is None or checkpoint != self._folder / last:
                shutil.rmtree(checkpoint, ignore_errors=True)

    def _checkpoints(self, number: int) -> list[Path]:
        # Ray adds `_` and some letters where a session has a folder of this name already.
        names = (trial_name(number), f"{trial_name(number)}_*")
        return [path for name in names for path in self._folder.glob(f"ray/session-*/{name}/checkpoint_*")]


class RemoteCheckpointSweeper(_Sweeper):
    """The same for a search whose folder is in object storage: later, in a thread, since each removal is a request.

    Looks where the trial's reports say that its checkpoints are. Ends with its context, when all is removed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._later = ThreadPoolExecutor(1, "checkpoint-sweeper")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being removed."""
        del kind, error, trace
        self._later.shutdown()

    def on_ended(self, trial: TrialRecord) -> None:
        """Have the trial's checkpoints but the last on record removed."""
        recorded = [report.checkpoint for report in trial.reports if report.checkpoint]
        if recorded:
            folders = dict.fromkeys(checkpoint.rpartition("/")[0] for checkpoint in recorded)
            self._later.submit(self._sweep, folders, recorded[-1])

    def _sweep(self, folders: Iterable[str], last: str) -> None:
        try:
            for folder in folders:
                for name in names_at(f"{self._url}/{folder}"):
                    if name.startswith("checkpoint_") and f"{folder}/{name}" != last:
                        system, path = file_system(f"{self._url}/{folder}/{name}")
                        system.delete_dir(path)
        except OSError as error:
            _log.warning("Checkpoints in %s could not be removed: %s", self._url, error)
