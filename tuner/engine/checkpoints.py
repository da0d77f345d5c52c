"""What stays on disk of a trial: all it may continue from while it runs, its last checkpoint once it has ended."""

import shutil
from pathlib import Path

from tuner.ledger import TrialRecord, trial_name
from tuner.search import Assignment


class CheckpointSweeper:
    """Listens to a search whose sessions lie in `folder`/ray, and removes what ended trials leave behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_started(self, assignment: Assignment) -> None:
        """Do nothing: the trial may need all its checkpoints."""

    def on_report(self, trial: TrialRecord) -> None:
        """Do nothing: the worker removes its older checkpoints itself."""

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
