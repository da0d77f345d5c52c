"""What a driver leaves in a shared database that died while it made a search."""

import optuna
import pytest
from simulated_search import SEARCH, MakeLedger, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger, remove_empty_study

SPACE = small_space()


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    return make_ledger(SPACE, search_id="small-1-mine")


def is_there(ledger: SqlLedger) -> bool:
    try:
        SqlLedger.open(ledger.url, SEARCH).close()
    except UsageError:
        return False
    return True


def test_a_search_without_a_trial_is_forgotten(ledger: SqlLedger) -> None:
    remove_empty_study(ledger.url, SEARCH, "small-1-mine")
    assert not is_there(ledger)
    SqlLedger.create(ledger.url, SEARCH, SPACE.objective_list, {}).close()


def test_another_machines_search_of_this_name_stays(ledger: SqlLedger) -> None:
    remove_empty_study(ledger.url, SEARCH, "small-1-other")
    assert is_there(ledger)


def test_trials_are_never_thrown_away(ledger: SqlLedger) -> None:
    ledger.propose({"alpha": 0.5, "lambda": 0.5, "bottleneck": 16}, SPACE.distributions())
    remove_empty_study(ledger.url, SEARCH, "small-1-mine")
    assert len(ledger.load()) == 1


def test_one_that_has_no_facts_yet_is_forgotten(ledger: SqlLedger) -> None:
    optuna.create_study(storage=ledger.url, study_name="early", directions=["maximize", "maximize"])
    remove_empty_study(ledger.url, "early", "early-0")
    assert optuna.get_all_study_names(ledger.url) == [SEARCH]


def test_what_is_not_there_is_no_error(ledger: SqlLedger) -> None:
    remove_empty_study(ledger.url, "nothing", "nothing-0")
    assert is_there(ledger)
