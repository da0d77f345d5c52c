"""What the crashes of a session mean: the fault of single trials, or one that stops all trials."""

from collections.abc import Callable
from typing import NamedTuple

from tuner.engine.session_interface import BrokenOffError
from tuner.ledger import TrialRecord
from tuner.report.text import last_line
from tuner.search import Listener, Search

_FEWEST_CRASHES = 5
# One or two points that crash each time, retries included, say nothing of the other points.
_FEWEST_TRIALS = 3


class _Crash(NamedTuple):
    """A crash of a trial; `own` is False if its machine was taken from it."""

    number: int
    error: str
    own: bool


class Crashes(Listener):
    """Judges the crashes of one session, and listens to its search. `places()` is how many trials run side by side.

    A trial without a retry left has failed. It would fail as well where no trial can work: no data on the node, a full
    disk, another program on the GPU. Hence its failure is recorded only when some trial has trained an epoch since. If
    no trial does, the session is given up, and these trials stay on record as running, to be resumed. Without any
    retry (`max_failures: 0`) a crash ends its trial at once.

    A cause that can be mended, such as a checkpoint or data that are away, is no result of a trial: it stays on record
    as running, too, and the session ends with `unmended` when nothing else is left to do.

    The crashes on record, which later sessions count, follow the same rule: a crash that all trials run into counts
    for none. A trial that trains a new epoch has all its retries again: over days its machines may be taken from it
    more often than it may crash at one place.
    """

    def __init__(self, search: Search, places: Callable[[], int]) -> None:
        self._search = search
        self._places = places
        self._row: list[_Crash] = []
        self._failures: dict[int, str] = {}
        self._unmended: dict[int, str] = {}

    @property
    def too_many(self) -> bool:
        """Whether so many trials crashed in a row, with no epoch between, that the next trial would crash as well."""
        trials = {crash.number for crash in self._row}
        return len(trials) >= _FEWEST_TRIALS and len(self._row) >= max(_FEWEST_CRASHES, 2 * self._places())

    @property
    def verdict(self) -> BrokenOffError:
        """The error that says why the session is given up, and what the user can do; it is about the last trial."""
        last = self._row[-1]
        return BrokenOffError(
            f"{len(self._row)} crashes in a row and no epoch between them; the last one, of trial {last.number}: "
            f"{last_line(last.error).rstrip('.')}. Remove the cause and resume. If only these trials are at fault, "
            "skip them by resuming with --set search.max_failures=0.",
            last.number,
        )

    @property
    def unmended(self) -> BrokenOffError | None:
        """The error about the trials whose cause can be mended, with the last of them as its subject; None without."""
        if not self._unmended:
            return None
        number, error = list(self._unmended.items())[-1]
        trials = ", ".join(map(str, sorted(self._unmended)))
        return BrokenOffError(
            f"{'trials' if len(self._unmended) > 1 else 'trial'} {trials} could not read or write what is needed, and "
            f"will be tried again: {last_line(error).rstrip('.')}. Remove the cause and resume. To skip such trials, "
            "resume with --set search.max_failures=0.",
            number,
        )

    def on_report(self, trial: TrialRecord) -> None:
        """Forget the trial's crashes: it has trained a new epoch."""
        self._row = [crash for crash in self._row if crash.number != trial.number]

    def record_epoch(self) -> None:
        """Count the crashes so far against their trials: some trial has trained an epoch, so trials can work."""
        for crash in self._row:
            if crash.own:
                self._search.count_crash(crash.number)
        self._row.clear()
        self.record_failures()

    def retries_left(self, number: int) -> int:
        """Return how often a trial may still crash and be started again."""
        crashes = self._search.crashes(number) + sum(crash.own and crash.number == number for crash in self._row)
        return max(0, self._search.space.search.max_failures - crashes)

    def record_retry(self, number: int, error: str, *, own: bool = True) -> None:
        """Record the crash of a trial that Ray starts again; if its machine was taken from it, `own` is False."""
        self._row.append(_Crash(number, error, own))

    def give_up(self, number: int, error: str, *, mendable: bool = False) -> bool:
        """Record the crash of a trial that Ray does not start again; return whether the search hands it out again.

        It does if the trial has retries left: Ray retries a crash of training, but not one of preparing the process.
        A `mendable` crash is one whose cause lies outside of the trial.
        """
        left = self.retries_left(number)
        self.record_retry(number, error)
        if left:
            self._search.hand_out_again(number)
            return True
        without_retries = self._search.space.search.max_failures == 0
        if mendable and not without_retries:
            self._unmended[number] = error
            return False
        self._failures[number] = error
        if without_retries and not self.too_many:
            self.record_failures()
        return False

    def record_failures(self) -> None:
        """Record the failure of the trials that have no retry left."""
        for number, error in self._failures.items():
            self._search.fail(number, error)
        self._failures.clear()
