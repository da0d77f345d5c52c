"""This project's own search for `UnderFire`: `tuner run`, and `--resume` after each end of its driver."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.chaos.checks import Snapshot, epochs_begun, read_trials
from benchmarks.chaos.under_fire import SPACE
from tuner.errors import UsageError
from tuner.ledger import TrialRecord


class TunerSearch:
    """The search in `folder`, whose ledger tells what is on record; `words` are more options of the command.

    `read` returns the trials in the ledger of a folder.
    """

    def __init__(
        self, folder: Path, words: Sequence[str], read: Callable[[Path], list[TrialRecord]] = read_trials
    ) -> None:
        self.folder = folder
        self.snapshots: list[Snapshot] = []
        self.begun_anew = 0
        self.begun_file = folder.parent / f"{folder.name}.epochs"
        self._words = words
        self._read = read

    def command(self) -> list[str]:
        """Return the command that resumes the search, or starts it anew if its space file does not exist yet."""
        resumed = (self.folder / "space.yaml").exists()
        if not resumed and self.folder.exists():
            self.begun_anew += 1
        words = ["--resume", self.folder.name] if resumed else ["--name", self.folder.name, "--space", str(SPACE)]
        command = [sys.executable, "-m", "benchmarks.chaos.logged_driver", str(self.begun_file)]
        return [*command, *words, *self._words, "--runs-dir", str(self.folder.parent)]

    def epochs_on_record(self) -> int:
        """Count the epochs in the ledger."""
        return sum(trial.epochs_trained for trial in self._snapshot().trials)

    def remember(self) -> None:
        """Keep the present state of the ledger."""
        self.snapshots.append(self._snapshot())

    def _snapshot(self) -> Snapshot:
        trials = self._on_record()
        # Count them last: an epoch that begins and is recorded between the two reads was not trained again.
        return Snapshot(trials, len(epochs_begun(self.begun_file)))

    def _on_record(self) -> Sequence[TrialRecord]:
        if not (self.folder / "space.yaml").exists():
            return ()
        try:
            return self._read(self.folder)
        except UsageError:  # another process creates the ledger at this moment
            return ()
