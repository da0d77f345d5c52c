"""How far a search is, and how long it will still take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.ledger import Outcome, TrialRecord


@dataclass(frozen=True)
class State:
    """The progress of a search at one moment.

    `most_epochs` is the number of epochs if no trial stopped early, or `search.max_epochs` if that is less. It can be
    more than `search.max_epochs`, because trials that run when the limit is reached are trained to their end.
    """

    ended: int
    trials: int
    epochs: int
    most_epochs: int
    elapsed_seconds: float
    left_seconds: float | None


class Clock:
    """Estimates the time that is left, from the speed since this process began.

    A search with `max_epochs` or `budget_seconds` ends at whichever limit comes first.
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

    def state(self, trials: Sequence[TrialRecord], total: int, epochs_a_trial: int) -> State:
        """Return the progress of a search that has `total` trials of `epochs_a_trial` epochs."""
        ended, epochs = _ended(trials), _epochs(trials)
        elapsed = self._now() - self._began
        most = total * epochs_a_trial
        left = [_left(elapsed, ended - self._ended_before, total - ended)]
        if self._max_epochs is not None:
            open_epochs = sum(epochs_a_trial - t.epochs_trained for t in trials if t.outcome is Outcome.RUNNING)
            most = min(most, max(self._max_epochs, epochs + open_epochs))
            left.append(_left(elapsed, epochs - self._epochs_before, most - epochs))
        if self._budget_seconds is not None:
            left.append(max(0.0, self._budget_seconds - elapsed))
        return State(
            ended=ended,
            trials=total,
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
    """Return a duration as people read it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
