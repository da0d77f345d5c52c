"""Ten thousand wrong rows of a ledger. The answer is a search, or an error that explains itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from simulated_search import SEARCH, MakeLedger, drive, small_space
from wrong_values import CASES, VALUES, answer, many

from tuner.ledger import SqlLedger
from tuner.report.load import search_on_record
from tuner.runs.folder import SearchFolder
from tuner.search import Search

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Cell = tuple[str, str, int]  # table, column, row
# Reading them again takes a new connection, which is slow.
TABLES_READ_WHEN_OPENED = ("studies", "study_directions", "study_user_attributes", "version_info", "alembic_version")
# A case starts a search and rebuilds it, which takes 70 ms.
fewer = settings(many, max_examples=CASES // 10)

SPACE = small_space(search={"trials": 6, "sampler": "random"})


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    """A search with two trials left to propose; every reader gets this ledger, because opening one is slow."""
    ledger = make_ledger(SPACE)
    drive(Search(small_space(search={"trials": 4, "sampler": "random"}), ledger))
    return ledger


@pytest.fixture
def whole(ledger: SqlLedger) -> Iterator[sqlite3.Connection]:
    """A copy of the ledger in memory."""
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(sqlite3.connect(file_of(ledger))) as connection:
            connection.backup(copy)
        yield copy


def file_of(ledger: SqlLedger) -> str:
    return ledger.url.removeprefix("sqlite:///")


@pytest.fixture
def other(ledger: SqlLedger) -> optuna.Study:
    """The same study, as another program opens it."""
    return optuna.load_study(study_name=SEARCH, storage=ledger.url)


@pytest.fixture
def cells(ledger: SqlLedger) -> list[Cell]:
    """Every column of every row."""
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1], row)
            for table in tables
            for (row,) in connection.execute(f"SELECT rowid FROM {table}").fetchall()
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
        ]


STORED = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=10),
    st.sampled_from(["", "RUNNING", "COMPLETE", "null", "{}", "[1", '"text"', '{"alpha": "x"}', "NaN", "2020-01-01"]),
)


@many
@given(data=st.data())
def test_a_ledger_with_a_wrong_value(
    ledger: SqlLedger, whole: sqlite3.Connection, cells: list[Cell], data: st.DataObject
) -> None:
    table, column, row = data.draw(st.sampled_from(cells))
    value = data.draw(STORED)
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        whole.backup(connection)
        with suppress(sqlite3.IntegrityError):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = {row}", (value,))
            connection.commit()
    if table in TABLES_READ_WHEN_OPENED:
        answer(lambda: read_anew(ledger.url))
    else:
        answer(lambda: read(ledger))


def read(ledger: SqlLedger) -> None:
    """Read all that commands show, and rebuild the search."""
    for trial in search_on_record(SearchFolder(Path(file_of(ledger)).parent), ledger).trials:
        list(trial.reports)
    Search(SPACE, ledger)


def go_on(ledger: SqlLedger) -> None:
    """Propose what is left of the search; a rebuilt one must be equal."""
    search = Search(SPACE, ledger)
    while search.next_assignment() is not None:
        pass
    assert known(Search(SPACE, ledger)) == known(search)


def known(search: Search) -> list[str]:
    return [repr((trial.number, trial.parameters, trial.outcome, trial.enqueued)) for trial in search.trials]


def read_anew(url: str) -> None:
    with SqlLedger.open(url, SEARCH) as ledger:
        read(ledger)


CHOICES = [None, True, 2.5, "[/]"]
NAMES = st.sampled_from([*SPACE.parameters, "gamma"])
MARKS = st.dictionaries(st.sampled_from(["started", "ended", "error", "crashes", "note"]), VALUES, max_size=3)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "alpha": st.sampled_from([0.5, 1, True, "0.5"]),
        "lambda": st.floats(0.01, 10),
        "bottleneck": st.sampled_from([8, 16.0]),
        "gamma": st.sampled_from(CHOICES),
    },
)


def add(study: optuna.Study, data: st.DataObject) -> None:
    """Add a trial in any state, with parameters of the space and others."""
    parameters = data.draw(PARAMETERS)
    state = data.draw(st.sampled_from(list(TrialState)))
    ranges = SPACE.distributions() | {"gamma": CategoricalDistribution(CHOICES)}
    trial = create_trial(
        state=state,
        values=[0.9, 0.9] if state is TrialState.COMPLETE else None,
        params=parameters,
        distributions={name: ranges[name] for name in parameters},
        user_attrs=data.draw(MARKS),
        system_attrs=data.draw(st.one_of(st.just({}), st.fixed_dictionaries({"fixed_params": VALUES}))),
    )
    study.add_trial(trial)


def enqueue(study: optuna.Study, data: st.DataObject) -> None:
    """Enqueue any values, or those of a trial of the search with all its attributes."""
    if data.draw(st.booleans()):
        study.enqueue_trial(data.draw(st.dictionaries(NAMES, VALUES, max_size=3)), user_attrs=data.draw(MARKS))
    else:
        copied = study.trials[data.draw(st.integers(0, 3))]
        study.enqueue_trial(copied.params, user_attrs=copied.user_attrs)


def copy_trial(study: optuna.Study, data: st.DataObject) -> None:
    """Add a trial of the search once more."""
    study.add_trial(study.trials[data.draw(st.integers(0, 3))])


@fewer
@given(data=st.data())
def test_a_ledger_with_trials_of_another_program(
    ledger: SqlLedger, whole: sqlite3.Connection, other: optuna.Study, data: st.DataObject
) -> None:
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        whole.backup(connection)
    before = ledger.load()
    for write in data.draw(st.lists(st.sampled_from([add, enqueue, copy_trial]), min_size=1, max_size=2)):
        write(other, data)
    assert ledger.load() == before
    read(ledger)
    go_on(ledger)
