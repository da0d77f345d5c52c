"""How far a search is, in numbers: what both kinds of display show."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.ledger import Outcome, TrialRecord


@dataclass(frozen=True)
class State:
    """A search's progress at one moment; `most_epochs` is what it would cost if no trial stopped early.

    With `search.max_epochs` that is the bound, until the trials that still run then are sure to pass it.
    """

    ended: int
    trials: int
    epochs: int
    most_epochs: int
    elapsed_seconds: float
    left_seconds: float | None


class Clock:
    """Estimates the time that is left, from what was done since this process began.

    `max_epochs` and `budget_seconds` end the search earlier, if they are set; the shortest of the times is given.
    """

    def __init__(
        self,
        before: Sequence[TrialRecord] = (),
        *,
        max_epochs: int | None = None,
        budget_seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._began = now()
        self._ended_before = _ended(before)
        self._epochs_before = _epochs(before)
        self._max_epochs = max_epochs
        self._budget_seconds = budget_seconds

    def state(self, trials: Sequence[TrialRecord], planned: int, epochs_a_trial: int) -> State:
        """Sum up `trials` of a search with `planned` trials of `epochs_a_trial` epochs."""
        ended, epochs = _ended(trials), _epochs(trials)
        elapsed = self._now() - self._began
        most = planned * epochs_a_trial
        left = [_left(elapsed, ended - self._ended_before, planned - ended)]
        if self._max_epochs is not None:
            open_epochs = sum(epochs_a_trial - t.epochs_trained for t in trials if t.outcome is Outcome.RUNNING)
            most = min(most, max(self._max_epochs, epochs + open_epochs))
            left.append(_left(elapsed, epochs - self._epochs_before, most - epochs))
        if self._budget_seconds is not None:
            left.append(max(0.0, self._budget_seconds - elapsed))
        return State(
            ended=ended,
            trials=planned,
            epochs=epochs,
            most_epochs=most,
            elapsed_seconds=elapsed,
            left_seconds=min((seconds for seconds in left if seconds is not None), default=None),
        )


def _ended(trials: Sequence[TrialRecord]) -> int:
    return sum(trial.outcome is not Outcome.RUNNING for trial in trials)


def _epochs(trials: Sequence[TrialRecord]) -> int:
    return sum(trial.epochs_trained for trial in trials)


def _left(elapsed: float, done: int, to_do: int) -> float | None:
    return elapsed / done * max(0, to_do) if done > 0 else None


def in_words(seconds: float) -> str:
    """Give a duration as people read it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
