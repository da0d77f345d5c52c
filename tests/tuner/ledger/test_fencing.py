"""Two drivers on one ledger: the later one writes, the earlier one is refused, whatever it writes."""

from collections.abc import Callable, Iterator

import optuna
import pytest
import sqlalchemy as sa
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, measured, on_record, small_space

from tuner.ledger import Decision, Outcome, Report, SqlLedger, TakenOverError
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.5, "lambda": 0.5, "bottleneck": 16}
REPORT = Report(2, {"natural_accuracy": 0.5}, rung=False, decision=Decision.CONTINUE, checkpoint="there", time=1.0)

WRITES: dict[str, Callable[[SqlLedger], object]] = {
    "propose": lambda ledger: ledger.propose(POINT, SPACE.distributions()),
    "record": lambda ledger: ledger.record(0, REPORT),
    "renew_checkpoint": lambda ledger: ledger.renew_checkpoint(0, 1, "elsewhere"),
    "count_crashes": lambda ledger: ledger.count_crashes(0, 1),
    "finish": lambda ledger: ledger.finish(0, Outcome.FAILED, error="lost"),
}


@pytest.fixture
def first(make_ledger: MakeLedger) -> SqlLedger:
    ledger = make_ledger(SPACE)
    ledger.take_over()
    search = Search(SPACE, ledger)
    assignment = search.next_assignment()
    assert assignment is not None
    search.report(0, 1, measured(assignment.parameters, 1), "here")
    return ledger


@pytest.fixture
def second(first: SqlLedger) -> Iterator[SqlLedger]:
    """The same ledger, taken over by another driver."""
    with SqlLedger.open(first.url, SEARCH) as ledger:
        ledger.take_over()
        yield ledger


@pytest.mark.parametrize("name", WRITES)
def test_whoever_was_taken_over_writes_nothing_more(first: SqlLedger, second: SqlLedger, name: str) -> None:
    before = on_record(first)
    for _ in range(2):
        with raises_about(TakenOverError, (SEARCH, 2)):
            WRITES[name](first)
        assert on_record(second) == before
    WRITES[name](second)


@pytest.mark.parametrize("name", ["record", "finish", "propose"])
def test_what_the_later_driver_has_written_already_is_no_other_reason(
    first: SqlLedger, second: SqlLedger, name: str
) -> None:
    """A driver that slept through it meets rows of its own trials that are there."""
    WRITES[name](second)
    before = on_record(second)
    assert first.taken_over is None
    with raises_about(TakenOverError, (SEARCH, 2)):
        WRITES[name](first)
    assert first.taken_over is not None
    assert on_record(second) == before


def test_an_epoch_that_is_recorded_twice_by_one_driver_keeps_its_own_error(first: SqlLedger) -> None:
    WRITES["record"](first)
    before = on_record(first)
    with pytest.raises(sa.exc.IntegrityError):
        WRITES["record"](first)
    assert first.taken_over is None
    assert on_record(first) == before


def test_a_reader_takes_nothing_over(first: SqlLedger) -> None:
    reader = SqlLedger.open(first.url, SEARCH)
    reader.load()
    reader.close()
    for write in WRITES.values():
        write(first)


def test_the_later_driver_goes_on_where_the_earlier_one_was(first: SqlLedger, second: SqlLedger) -> None:
    drive(Search(SPACE, second))
    assert all(trial.outcome is not Outcome.RUNNING for trial in first.load())


def test_each_search_of_a_database_has_its_own_drivers(first: SqlLedger) -> None:
    other = SqlLedger.create(first.url, "other", SPACE.objective_list, {})
    for _ in range(3):
        other.take_over()
    WRITES["record"](first)
    WRITES["propose"](other)
    other.close()


def test_the_number_is_where_optuna_keeps_what_is_said_of_a_study(first: SqlLedger) -> None:
    first.take_over()
    study = optuna.load_study(study_name=SEARCH, storage=first.url)
    assert study.user_attrs["driver"] == 2
    assert first.facts()["driver"] == 2
