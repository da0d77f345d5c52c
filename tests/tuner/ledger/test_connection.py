"""A ledger in a folder that cannot be written, and what a driver leaves in a shared database if it dies too early."""

import os
import shutil
from pathlib import Path

import optuna
import pytest
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, on_record, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger, remove_empty_study
from tuner.ledger.protocol import LedgerError
from tuner.search import Search

SPACE = small_space()


@pytest.fixture
def archive(make_ledger: MakeLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a finished ledger in a folder that looks read-only (root can write anywhere)."""
    ledger = make_ledger(SPACE)
    drive(Search(SPACE, ledger))
    ledger.close()
    folder = tmp_path / "an archive 100%"
    folder.mkdir()
    shutil.copy(ledger.url.removeprefix("sqlite:///"), folder)
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: path != folder and access(path, mode))
    return folder / "ledger.db"


def test_an_archive_is_read_and_left_as_it_is(archive: Path, make_ledger: MakeLedger) -> None:
    expected = make_ledger(SPACE, "again")
    drive(Search(SPACE, expected))
    ledger = SqlLedger.open(f"sqlite:///{archive}", SEARCH)
    assert ledger.facts()["search_id"] == f"{SEARCH}-0a1b2c3d"
    assert on_record(ledger) == on_record(expected)
    assert [path.name for path in archive.parent.iterdir()] == ["ledger.db"], "no files of SQLite's beside it"
    with raises_about(LedgerError, (f"sqlite:///{archive}", "readonly database")):
        ledger.take_over()
    ledger.close()


def test_a_search_that_runs_is_watched_from_a_folder_that_its_reader_cannot_write(
    make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = make_ledger(SPACE)
    folder = Path(driven.url.removeprefix("sqlite:///")).parent
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: path != folder and access(path, mode))
    reader = SqlLedger.open(driven.url, SEARCH)
    for _ in range(2):
        Search(SPACE, driven).next_assignment()
        assert on_record(reader) == on_record(driven)
    driven.propose({"alpha": 0.5, "lambda": 0.5, "bottleneck": 16}, SPACE.distributions())
    assert on_record(reader) == on_record(driven)
    reader.close()


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
