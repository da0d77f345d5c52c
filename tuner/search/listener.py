"""What a search tells others: which trial to run, and what happened to it."""

from dataclasses import dataclass
from typing import Any

from tuner.ledger import TrialRecord


@dataclass(frozen=True)
class Assignment:
    """A trial to run: from the first of its last `checkpoints` that is whole, or from the beginning.

    `epoch` is the last epoch on record.
    """

    number: int
    parameters: dict[str, Any]
    checkpoints: tuple[str, ...]
    epoch: int


class Listener:
    """Is told of the events of a search. Each method does nothing by default.

    The driver's loop calls these methods, so they must return at once.
    """

    def on_started(self, assignment: Assignment) -> None:
        """React to a trial that starts or continues."""

    def on_report(self, trial: TrialRecord) -> None:
        """React to a recorded epoch, the last of `trial.reports`."""

    def on_ended(self, trial: TrialRecord) -> None:
        """React to the end of a trial."""
