"""A clock that is set back in the middle of a search changes the times on record, but no decision."""

import time
from collections.abc import Callable

import pytest
from simulated_search import CountingClock, MakeLedger, drive, on_record, small_space, train

from tuner.driver.progress.summary import duration
from tuner.ledger import SqlLedger
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.progress_curves import growth_by_epochs
from tuner.search import Search

SPACE = small_space()


def set_back(clock: Callable[[], float], after: int) -> Callable[[], float]:
    """Return a clock that runs backwards after `after` calls."""

    def ask() -> float:
        time = clock()
        return time if time <= after else 2 * after - 3 * time

    return ask


def train_trials(search: Search, count: int) -> None:
    for _ in range(count):
        assignment = search.next_assignment()
        assert assignment is not None
        train(search, assignment)


def test_a_clock_that_runs_backwards_changes_no_decision(make_ledger: MakeLedger) -> None:
    steady, shaken = make_ledger(SPACE, "steady"), make_ledger(SPACE, "shaken")
    drive(Search(SPACE, steady, CountingClock()))
    first = Search(SPACE, shaken, set_back(CountingClock(), 20))
    train_trials(first, 4)
    first.next_assignment()
    drive(Search(SPACE, shaken, set_back(CountingClock(), 5)))
    assert on_record(shaken) == on_record(steady)
    trials = shaken.load()
    data = front_data("shaken", trials, SPACE.objective_list, SPACE.reference)
    growth = growth_by_epochs(data)
    assert [point.hypervolume for point in growth] == sorted(point.hypervolume for point in growth)
    assert "-" not in duration(trials)


class ShakenTime:
    """The system's clock, set back by an hour after `after` calls."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self) -> float:
        self._left -= 1
        return time.time() - (3600 if self._left < 0 else 0)


@pytest.mark.parametrize("after", range(1, 40, 3))
def test_a_system_clock_that_is_set_back_changes_no_order(make_ledger: MakeLedger, after: int) -> None:
    """The rule of patience, and the history of the front, follow the order in which trials ended."""
    space = small_space(search={"trials": 30, "patience": 4})
    steady, url, clock = make_ledger(space, "steady"), make_ledger(space, "shaken").url, ShakenTime(after)
    drive(Search(space, steady))
    with SqlLedger.open(url, "shaken", clock) as interrupted:
        train_trials(Search(space, interrupted), 3)
    resumed = SqlLedger.open(url, "shaken", clock)
    drive(Search(space, resumed))
    assert on_record(resumed) == on_record(steady)
    trials = resumed.load()
    ends = [trial.ended or 0.0 for trial in trials]
    assert ends == sorted(ends), "one trial at a time"
    histories = [
        [
            (entry.number, entry.hypervolume)
            for entry in front_data("", t, space.objective_list, space.reference).history
        ]
        for t in (trials, steady.load())
    ]
    assert histories[0] == histories[1]
    resumed.close()
