"""How a session of Ray Tune ended."""

from collections.abc import Sequence
from enum import StrEnum

from tuner.ledger import Outcome, TrialRecord


class Ending(StrEnum):
    """Why a session ended; the search itself can be resumed after each but `finished`."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out of time"
    BROKEN_OFF = "broken off"  # Ray Tune gave up by itself, or crash followed crash


class BrokenOffError(Exception):
    """A session was given up because its trials crash one after the other; the message says how to go on."""


def all_failed(trials: Sequence[TrialRecord]) -> bool:
    """Say whether a search came to nothing."""
    return all(trial.outcome is Outcome.FAILED for trial in trials)


def closing_status(ending: Ending, trials: Sequence[TrialRecord]) -> str:
    """Give MLflow's status of a search: FINISHED, FAILED, or KILLED where it was interrupted and may go on."""
    if ending is Ending.FINISHED:
        return "FAILED" if all_failed(trials) else "FINISHED"
    return "FAILED" if ending is Ending.BROKEN_OFF else "KILLED"
