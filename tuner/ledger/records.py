"""What the ledger remembers of a trial, as frozen values: the form that every reader of it uses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from training.trainer.rung_schedules import BRANCH_EPOCHS


class Outcome(StrEnum):
    """How a trial stands. Every trial but a running one has ended, once and for good."""

    RUNNING = "running"
    COMPLETED = "completed"  # trained for the whole budget
    STOPPED = "stopped"  # ended early: at a rung, or at any epoch whose objectives are not all finite
    FAILED = "failed"  # crashed more often than allowed, or diverged
    INTERRUPTED = "interrupted"  # running on record, but no driver is at work: said by readers, never recorded


class Decision(StrEnum):
    """What was decided on a report, recorded with it."""

    CONTINUE = "continue"
    STOP = "stop"
    COMPLETE = "complete"


def trial_name(number: int) -> str:
    """Give a trial's name, the same in folders, in MLflow and on the screen."""
    return f"trial-{number:04d}"


@dataclass(frozen=True, slots=True)
class Report:
    """One finished epoch of a trial, the decision on it, and where its checkpoint lies.

    `rung` is True where the epoch is a milestone of early stopping; `time` is in seconds since 1970.
    """

    epoch: int
    metrics: dict[str, float]
    rung: bool
    decision: Decision
    checkpoint: str | None
    time: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial: its parameters by their names in the space file, its reports by epoch, its crashes, and its end."""

    number: int
    parameters: dict[str, Any]
    outcome: Outcome
    started: float
    ended: float | None = None
    reports: Sequence[Report] = ()
    error: str | None = None
    crashes: int = 0

    @property
    def epochs_trained(self) -> int:
        """Epochs on record; those that were lost with a crash and trained again count once."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def epochs_spent(self) -> int:
        """Epochs that the trial cost: those on record and those of branches (`training.trainer.rung_schedules`)."""
        return self.epochs_trained + round(self.last_metrics.get(BRANCH_EPOCHS, 0.0))

    @property
    def last_metrics(self) -> dict[str, float]:
        """Metrics of the last reported epoch: final values only if the trial completed."""
        return self.reports[-1].metrics if self.reports else {}


def latest(trial: TrialRecord, metric: str) -> float | None:
    """Give a metric as it was last measured: an accuracy not in every epoch (`eval_every`)."""
    return next((r.metrics[metric] for r in reversed(trial.reports) if metric in r.metrics), None)


def as_interrupted(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Show the running trials of a search that nobody drives for what they are: they go on when it is resumed."""
    return [replace(t, outcome=Outcome.INTERRUPTED) if t.outcome is Outcome.RUNNING else t for t in trials]
