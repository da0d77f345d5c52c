"""What stays on disk of a trial: while it runs, all that it may continue from; after its end, what somebody may need.

That is its last checkpoint and, where every evaluated epoch may be a point of the front, those of such epochs.
"""

import logging
import shutil
from collections.abc import Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tuner.engine.ray_private import CHECKPOINT_PREFIX
from tuner.ledger import TrialRecord, trial_name
from tuner.report.analysis.kept_checkpoints import kept_checkpoints
from tuner.runs.mirror import file_system, names_at
from tuner.search import Listener
from tuner.space import Space

_log = logging.getLogger(__name__)


class Sweeper(Listener):
    """Removes checkpoints of a search's ended trials, which nobody needs."""

    def close(self) -> None:
        """Wait until all are removed."""


class CheckpointSweeper(Sweeper):
    """The sweeper of a search whose sessions lie on disk, in `folder`/ray."""

    def __init__(self, folder: Path, space: Space) -> None:
        self._folder, self._space = folder, space

    def on_ended(self, trial: TrialRecord) -> None:
        """Remove the trial's checkpoints in all sessions except those that `tuner export` may read."""
        last = trial.last_checkpoint
        if last is not None and not (self._folder / last).is_dir():
            return  # it was moved, or is in another storage: the checkpoints here may be the only ones left
        needed = {self._folder / place for place in kept_checkpoints(trial, self._space)}
        for checkpoint in self._checkpoints(trial.number):
            if checkpoint not in needed:
                shutil.rmtree(checkpoint, ignore_errors=True)

    def _checkpoints(self, number: int) -> list[Path]:
        # Ray adds `_` and some letters if the session already has a folder of this name.
        names = (trial_name(number), f"{trial_name(number)}_*")
        return [path for name in names for path in self._folder.glob(f"ray/session-*/{name}/{CHECKPOINT_PREFIX}*")]


class RemoteCheckpointSweeper(Sweeper):
    """The sweeper of a search whose folder is in object storage, at `url`.

    Each removal is a request, so a thread does it later. It looks in the folders that the trial's reports name.
    """

    def __init__(self, url: str, space: Space) -> None:
        self._url, self._space = url, space
        self._thread = ThreadPoolExecutor(1, "checkpoint-sweeper")

    def close(self) -> None:
        self._thread.shutdown()

    def on_ended(self, trial: TrialRecord) -> None:
        """Let the thread remove the trial's checkpoints except those that `tuner export` may read."""
        recorded = [report.checkpoint for report in trial.reports if report.checkpoint]
        if recorded:
            folders = dict.fromkeys(checkpoint.rpartition("/")[0] for checkpoint in recorded)
            self._thread.submit(self._sweep, folders, kept_checkpoints(trial, self._space))

    def _sweep(self, folders: Iterable[str], needed: Container[str]) -> None:
        try:
            for folder in folders:
                for name in names_at(f"{self._url}/{folder}"):
                    if name.startswith(CHECKPOINT_PREFIX) and f"{folder}/{name}" not in needed:
                        system, path = file_system(f"{self._url}/{folder}/{name}")
                        system.delete_dir(path)
        except OSError as error:
            _log.warning("Checkpoints in %s could not be removed: %s", self._url, error)
