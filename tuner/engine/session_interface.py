"""What a driver and a session of Ray Tune tell each other. Nothing here imports Ray, which takes seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from training.explained_error import ExplainedError
from tuner.ledger import Outcome, TrialRecord
from tuner.steering.steering import Steering


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How a session runs.

    `concurrency` is the number of trials at once; None means as many as the cluster has room for. `steering` obeys what
    users ask for meanwhile; it then decides on the concurrency. `split_digest`
    identifies the validation images that every node must find in its data; None accepts any. `start_weights` has the
    hash of each file of weights with which trials start, by its path: every node must find these files.
    """

    concurrency: int | None = None
    steering: Steering | None = None
    time_budget_seconds: float | None = None
    split_digest: str | None = None
    start_weights: Mapping[str, str] = field(default_factory=dict)


class Ending(StrEnum):
    """Why a session ended. After each of these but `finished` the search can be resumed."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out of time"
    BROKEN_OFF = "broken off"  # Ray Tune gave up by itself, or crash followed crash


class BrokenOffError(ExplainedError):
    """A session was given up because its trials only crash; the message says how to continue."""


class NodeLostError(BrokenOffError):
    """A session was given up because Ray's node on the driver's machine died."""

    def __init__(self) -> None:
        super().__init__("Ray's node on this machine died, and with it the trials that ran. Resume the search.")


def all_failed(trials: Sequence[TrialRecord]) -> bool:
    """Return whether no trial of a search was of any use."""
    return all(trial.outcome is Outcome.FAILED for trial in trials)


def closing_status(ending: Ending, trials: Sequence[TrialRecord]) -> str:
    """Return MLflow's status of a search: FINISHED, FAILED, or KILLED if the search can be resumed."""
    if ending is Ending.FINISHED:
        return "FAILED" if all_failed(trials) else "FINISHED"
    return "FAILED" if ending is Ending.BROKEN_OFF else "KILLED"


class SessionEvents:
    """Does nothing; a driver overrides what it wants to know. All but `on_lost` are called on the driver's loop."""

    def on_retry(self, number: int, error: str) -> None:
        """Trial `number` crashed with `error` and is started again."""

    def on_fallback(self, text: str) -> None:
        """A node computes something in another way than the space asks; each text comes once in a session."""

    def on_stopping(self) -> None:
        """The first signal came: the session ends with the next checkpoint of each trial, or a few seconds later."""

    def on_lost(self, ending: Ending, reason: str) -> None:
        """Ray does not answer any more, so `run_session` may never return.

        This is called from another thread. An implementation must end the process.
        """
