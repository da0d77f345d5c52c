"""What the crashes of a session mean: the fault of single trials, or one that all trials run into."""

from collections import Counter
from collections.abc import Callable

from tuner.report.format import last_line
from tuner.search import Search

_FEWEST_CRASHES = 5
# One point that crashes each time, retries included, or two of them in turn, say nothing of the others.
_FEWEST_TRIALS = 3


class Crashes:
    """Judges the crashes of one session; `places` gives how many trials run side by side.

    A trial without a retry left has failed. But so it would have where no trial can work: no data on the node, a
    full disk, another program on the GPU. Hence its end is written down when some trial has trained an epoch
    since; where none does, the session is given up, and these trials are on record as running, to be resumed.
    Without any retry (`max_failures: 0`) a crash is a trial's end at once.
    """

    def __init__(self, search: Search, places: Callable[[], int]) -> None:
        self._search = search
        self._places = places
        self._counts: Counter[int] = Counter()
        self._row: list[tuple[int, str]] = []
        self._failed: dict[int, str] = {}

    @property
    def too_many(self) -> bool:
        """Whether so many trials crashed in a row, with no epoch between, that the next one would as well."""
        trials = {number for number, _ in self._row}
        return len(trials) >= _FEWEST_TRIALS and len(self._row) >= max(_FEWEST_CRASHES, 2 * self._places())

    @property
    def verdict(self) -> str:
        """Say in one line why the session is given up, and the way out."""
        number, error = self._row[-1]
        return (
            f"{len(self._row)} crashes in a row and no epoch between them; the last one, of trial {number}: "
            f"{last_line(error)}. Mend the cause and resume, or, if these trials alone are at fault, pass over them "
            "by resuming with --set search.max_failures=0."
        )

    def epoch_trained(self) -> None:
        """Trials can work: those that failed did so by themselves."""
        self._row.clear()
        self.record_failures()

    def retried(self, number: int, error: str) -> None:
        """A trial crashed and is started again."""
        self._counts[number] += 1
        self._row.append((number, error))

    def given_up(self, number: int, error: str) -> bool:
        """Ray gives up a trial that crashed; say whether it is handed out again, because it has retries left.

        Ray counts them only while a trial runs, not while its process is made ready for it.
        """
        self.retried(number, error)
        most = self._search.space.search.max_failures
        if self._counts[number] <= most:
            self._search.hand_out_again(number)
            return True
        self._failed[number] = error
        if most == 0 and not self.too_many:
            self.record_failures()
        return False

    def record_failures(self) -> None:
        """Write down the end of the trials that have no retry left."""
        for number, error in self._failed.items():
            self._search.fail(number, error)
        self._failed.clear()
