"""What the ledger remembers of a trial, as frozen values: the form that every reader of it uses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The state of a trial. Every trial but a running one has ended for good."""

    RUNNING = "running"
    COMPLETED = "completed"  # trained for the whole budget
    STOPPED = "stopped"  # ended early: at a rung, at an epoch whose objectives are not all finite, or by the user
    FAILED = "failed"  # crashed more often than allowed, or diverged
    INTERRUPTED = "interrupted"  # running on record, but no driver works: readers show it, it is never recorded


class Decision(StrEnum):
    """The decision on a report, recorded with it."""

    CONTINUE = "continue"
    STOP = "stop"
    COMPLETE = "complete"


class InstructionState(StrEnum):
    """What became of an instruction of the user to the driver."""

    WAITING = "waiting"
    OBEYED = "obeyed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a user told the driver of a search, in seconds since 1970, and the driver's answer in words."""

    number: int
    kind: str
    arguments: dict[str, Any]
    time: float
    state: InstructionState = InstructionState.WAITING
    answer: str | None = None

    def __str__(self) -> str:
        """Return the words of the command that gave it."""
        pairs: Any = self.arguments.get("parameters") or self.arguments.get("values") or {}
        words = [f"{key}={value}" for key, value in pairs.items()] if isinstance(pairs, dict) else []
        trial = self.arguments.get("trial")
        return " ".join([self.kind, *([] if trial is None else [str(trial)]), *words])


def trial_name(number: int) -> str:
    """Return the name of a trial in folders, in MLflow and on the screen."""
    return f"trial-{number:04d}"


@dataclass(frozen=True, slots=True)
class Report:
    """One finished epoch of a trial, the decision on it, and where its checkpoint lies.

    `rung` is True where early stopping compares trials after the epoch; `time` is in seconds since 1970. `reason` says
    why a trial goes on from a rung or not.
    """

    epoch: int
    metrics: dict[str, float]
    rung: bool
    decision: Decision
    checkpoint: str | None
    time: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial: its parameters by their names in the space file, its reports by epoch, its crashes, and its end.

    If it was `enqueued`, another program asked for it, and not the search itself.
    """

    number: int
    parameters: dict[str, Any]
    outcome: Outcome
    started: float
    ended: float | None = None
    reports: Sequence[Report] = ()
    error: str | None = None
    crashes: int = 0
    enqueued: bool = False

    @property
    def epochs_trained(self) -> int:
        """The epochs on record. An epoch that was lost in a crash and trained again counts once."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def last_metrics(self) -> dict[str, float]:
        """The metrics of the last reported epoch. They are final values only if the trial completed."""
        return self.reports[-1].metrics if self.reports else {}

    @property
    def last_checkpoint(self) -> str | None:
        """The last checkpoint on record, which may be older than the last report; None without any."""
        return next((report.checkpoint for report in reversed(self.reports) if report.checkpoint), None)


def latest(trial: TrialRecord, metric: str) -> float | None:
    """Return the last measured value of a metric; with `eval_every` not every epoch has accuracies."""
    return next((r.metrics[metric] for r in reversed(trial.reports) if metric in r.metrics), None)


def as_interrupted(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return trials of a search without a driver; those that are running on record become interrupted ones."""
    return [replace(t, outcome=Outcome.INTERRUPTED) if t.outcome is Outcome.RUNNING else t for t in trials]
