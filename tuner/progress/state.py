"""How far a search is, in numbers: what both kinds of display show."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.ledger import Outcome, TrialRecord


@dataclass(frozen=True)
class State:
    """A search's progress at one moment; `most_epochs` is what it would cost if no trial stopped early."""

    ended: int
    trials: int
    epochs: int
    most_epochs: int
    elapsed_seconds: float
    left_seconds: float | None


class Clock:
    """Estimates the time that is left, from the trials that ended since this process began."""

    def __init__(self, ended_before: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = now()
        self._ended_before = ended_before

    def state(self, trials: Sequence[TrialRecord], planned: int, epochs_a_trial: int) -> State:
        """Sum up `trials` of a search with `planned` trials of `epochs_a_trial` epochs."""
        ended = sum(trial.outcome is not Outcome.RUNNING for trial in trials)
        elapsed = self._now() - self._began
        here = ended - self._ended_before
        return State(
            ended=ended,
            trials=planned,
            epochs=sum(trial.epochs_spent for trial in trials),
            most_epochs=planned * epochs_a_trial,
            elapsed_seconds=elapsed,
            left_seconds=elapsed / here * max(0, planned - ended) if here > 0 else None,
        )


def in_words(seconds: float) -> str:
    """Give a duration as people read it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
