"""What the crashes of a session mean: the fault of single trials, or one that all trials run into."""

from collections.abc import Callable
from typing import NamedTuple

from tuner.ledger import TrialRecord
from tuner.report.text import last_line
from tuner.search import Assignment, Listener, Search

_FEWEST_CRASHES = 5
# One point that crashes each time, retries included, or two of them in turn, say nothing of the others.
_FEWEST_TRIALS = 3


class _Crash(NamedTuple):
    """A crash of a trial, by its own doing or by that of its machine."""

    number: int
    error: str
    own: bool


class Crashes(Listener):
    """Judges the crashes of one session, whose search it listens to; `places` gives how many trials run side by side.

    A trial without a retry left has failed. But so it would have where no trial can work: no data on the node, a
    full disk, another program on the GPU. Hence its end is written down when some trial has trained an epoch
    since; where none does, the session is given up, and these trials are on record as running, to be resumed.
    Without any retry (`max_failures: 0`) a crash is a trial's end at once. By the same rule its crashes are counted on
    record, for later sessions: those that all trials run into count for none. A trial that trains a new epoch has all
    its retries again, for over days its machines may be taken from it more often than it may crash at one place.
    """

    def __init__(self, search: Search, places: Callable[[], int]) -> None:
        self._search = search
        self._places = places
        self._row: list[_Crash] = []
        self._failed: dict[int, str] = {}

    @property
    def too_many(self) -> bool:
        """Whether so many trials crashed in a row, with no epoch between, that the next one would as well."""
        trials = {crash.number for crash in self._row}
        return len(trials) >= _FEWEST_TRIALS and len(self._row) >= max(_FEWEST_CRASHES, 2 * self._places())

    @property
    def verdict(self) -> str:
        """Say in one line why the session is given up, and the way out."""
        last = self._row[-1]
        return (
            f"{len(self._row)} crashes in a row and no epoch between them; the last one, of trial {last.number}: "
            f"{last_line(last.error)}. Mend the cause and resume, or, if these trials alone are at fault, pass over "
            "them by resuming with --set search.max_failures=0."
        )

    def on_started(self, assignment: Assignment) -> None:
        """Do nothing: to be handed out says nothing of crashes."""

    def on_report(self, trial: TrialRecord) -> None:
        """A trial has trained a new epoch: what it crashed of is behind it."""
        self._row = [crash for crash in self._row if crash.number != trial.number]

    def on_ended(self, trial: TrialRecord) -> None:
        """Do nothing: an ended trial crashes no more."""

    def epoch_trained(self) -> None:
        """Trials can work: those that failed did so by themselves."""
        for crash in self._row:
            if crash.own:
                self._search.count_crash(crash.number)
        self._row.clear()
        self.record_failures()

    def retries_left(self, number: int) -> int:
        """Give how often a trial may crash from now on and be started again."""
        crashes = self._search.crashes(number) + sum(crash.own and crash.number == number for crash in self._row)
        return max(0, self._search.space.search.max_failures - crashes)

    def retried(self, number: int, error: str, *, own: bool = True) -> None:
        """A trial crashed and is started again; unless it is its `own` crash its machine was taken from it."""
        self._row.append(_Crash(number, error, own))

    def given_up(self, number: int, error: str) -> bool:
        """Ray gives up a trial that crashed; say whether it is handed out again, because it has retries left.

        Ray counts them only while a trial runs, not while its process is made ready for it.
        """
        left = self.retries_left(number)
        self.retried(number, error)
        if left:
            self._search.hand_out_again(number)
            return True
        self._failed[number] = error
        if self._search.space.search.max_failures == 0 and not self.too_many:
            self.record_failures()
        return False

    def record_failures(self) -> None:
        """Write down the end of the trials that have no retry left."""
        for number, error in self._failed.items():
            self._search.fail(number, error)
        self._failed.clear()
