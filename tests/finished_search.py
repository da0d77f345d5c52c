"""A search that has ended, for the tests of the commands."""

from simulated_search import MakeLedger, drive, small_space

from tuner.ledger import SqlLedger
from tuner.search import Search

SPACE = small_space(search={"trials": 5}, trial={"epochs": 4})


def finish_search(make_ledger: MakeLedger) -> SqlLedger:
    """Run a search of five trials to its end; the first of them fails."""
    ledger = make_ledger(SPACE)
    search = Search(SPACE, ledger)
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": 0.1, "pgd_accuracy": 0.1}, None)
    search.fail(0, "Traceback\nRuntimeError: out of memory")
    drive(search)
    return ledger
