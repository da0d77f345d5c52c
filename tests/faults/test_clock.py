"""A clock that is set back in the middle of a search changes times, and nothing that is decided by them."""

from collections.abc import Callable

from simulated_search import CountingClock, MakeLedger, drive, on_record, small_space, train

from tuner.progress.summary import duration
from tuner.report.effort import growth_by_epochs
from tuner.report.front_data import front_data
from tuner.search import Search

SPACE = small_space()


def set_back(clock: Callable[[], float], after: int) -> Callable[[], float]:
    """Give a clock that runs backwards after so many questions."""

    def ask() -> float:
        time = clock()
        return time if time <= after else 2 * after - 3 * time

    return ask


def test_a_clock_that_runs_backwards_changes_no_decision(make_ledger: MakeLedger) -> None:
    steady, shaken = make_ledger(SPACE, "steady"), make_ledger(SPACE, "shaken")
    drive(Search(SPACE, steady, CountingClock()))
    first = Search(SPACE, shaken, set_back(CountingClock(), 20))
    for _ in range(4):
        assignment = first.next_assignment()
        assert assignment is not None
        train(first, assignment)
    first.next_assignment()
    drive(Search(SPACE, shaken, set_back(CountingClock(), 5)))
    assert on_record(shaken) == on_record(steady)
    trials = shaken.load()
    data = front_data("shaken", trials, SPACE.objective_list, SPACE.reference)
    growth = growth_by_epochs(data)
    assert [point.hypervolume for point in growth] == sorted(point.hypervolume for point in growth)
    assert not duration(trials).startswith("-")
