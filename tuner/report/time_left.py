"""How far a search is, and how long it will still take."""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tuner.ledger import Outcome, TrialRecord, report_times

_FEW_ENDED = 4


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
        budget_seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._began = now()
        self._epochs_before = _epochs(before)
        self._budget_seconds = budget_seconds
        self._seen = self._epochs_before
        self._seen_at = self._began

    def state(
        self, trials: Sequence[TrialRecord], total: int, epochs_a_trial: int, max_epochs: int | None = None
    ) -> State:
        """Return the progress of a search that has `total` trials of `epochs_a_trial` epochs."""
        now, epochs = self._now(), _epochs(trials)
        if epochs != self._seen:
            self._seen, self._seen_at = epochs, now
        to_do = epochs_to_do(trials, total, epochs_a_trial, max_epochs)
        left = [seconds_left(to_do, epochs - self._epochs_before, self._seen_at - self._began, now - self._seen_at)]
        if self._budget_seconds is not None:
            left.append(max(0.0, self._budget_seconds - (now - self._began)))
        return State(
            ended=sum(trial.outcome is not Outcome.RUNNING for trial in trials),
            trials=total,
            epochs=epochs,
            most_epochs=_most_epochs(trials, total, epochs_a_trial, max_epochs),
            elapsed_seconds=now - self._began,
            left_seconds=min((seconds for seconds in left if seconds is not None), default=None),
        )


def seconds_left_on_record(
    trials: Sequence[TrialRecord],
    total: int,
    epochs_a_trial: int,
    max_epochs: int | None,
    *,
    began: float,
    now: float,
) -> float | None:
    """Return the same estimate for a search whose driver runs elsewhere, since `began`, in seconds since 1970."""
    times = [float(when) for trial in trials for when in report_times(trial) if when >= began]
    last = max(times, default=began)
    to_do = epochs_to_do(trials, total, epochs_a_trial, max_epochs)
    return seconds_left(to_do, len(times), last - began, now - last)


def epochs_to_do(
    trials: Sequence[TrialRecord], total: int, epochs_a_trial: int, max_epochs: int | None = None
) -> float:
    """Return how many epochs a search is expected to train still, 0 or more.

    A trial that has trained e epochs is expected to train as many as those that ended after more than e epochs did on
    average, and one more trial that trains its whole budget. So the estimate begins with the most that is possible, and
    changes little with each trial that ends.
    """
    ended = sorted(trial.epochs_trained for trial in trials if trial.outcome is not Outcome.RUNNING)
    sums = [0, *accumulate(ended)]

    def expected(trained: int) -> float:
        place = bisect_right(ended, trained - 1 if trained == 0 else trained)
        return (epochs_a_trial + sums[-1] - sums[place]) / (1 + len(ended) - place) - trained

    running = [trial.epochs_trained for trial in trials if trial.outcome is Outcome.RUNNING]
    of_running = sum(max(0.0, expected(trained)) for trained in running)
    to_do = of_running + max(0, total - len(trials)) * expected(0)
    if max_epochs is not None:
        to_do = max(of_running, min(to_do, max_epochs - _epochs(trials)))
    return to_do


def seconds_left(to_do: float, done: int, seconds: float, idle: float) -> float | None:
    """Return the time for `to_do` epochs at the pace of `done` epochs in `seconds`; None if none is done.

    `seconds` ends with the last report. In the `idle` seconds since then the next epoch goes on, so the time that is
    left falls from report to report, and does not jump with each of them.
    """
    if done <= 0:
        return None
    pace = seconds / done
    return max(0.0, to_do * pace - min(idle, pace))


def _most_epochs(trials: Sequence[TrialRecord], total: int, epochs_a_trial: int, max_epochs: int | None) -> int:
    most = total * epochs_a_trial
    if max_epochs is None:
        return most
    still_open = sum(epochs_a_trial - t.epochs_trained for t in trials if t.outcome is Outcome.RUNNING)
    return min(most, max(max_epochs, _epochs(trials) + still_open))


def _epochs(trials: Sequence[TrialRecord]) -> int:
    return sum(trial.epochs_trained for trial in trials)


def left_in_words(seconds: float | None, ended: int) -> str:
    """Return what a user reads of the time left, after `ended` trials of the search have ended; None is not known.

    The first estimates count the whole budget of each trial, because no trial has shown yet how early one can stop.
    """
    if seconds is None:
        return "not known yet"
    if seconds <= 0:
        return "the last step is running"
    return f"{'at most' if ended < _FEW_ENDED else 'about'} {in_words(seconds)}"


def in_words(seconds: float) -> str:
    """Return a duration as people read it: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
