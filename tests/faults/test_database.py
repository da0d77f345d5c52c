"""A ledger on a full disk, with a damaged file or without write access: an error names it, and no record is lost."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, on_record, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger, TrialRecord
from tuner.ledger.protocol import LedgerError
from tuner.search import Search

SPACE = small_space()


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    return make_ledger(SPACE)


@contextmanager
def restricted(ledger: SqlLedger, pragma: str) -> Iterator[None]:
    """Set a limit of SQLite on every connection of a ledger; `{pages}` is the number of pages that the file has now."""

    def limit(connection: Any, record: object) -> None:
        del record
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA {pragma.format(pages=pages)}")

    engines = (ledger._engine, ledger._storage.engine)
    for engine in engines:
        engine.dispose()
        sa.event.listen(engine, "connect", limit)
    yield
    for engine in engines:
        sa.event.remove(engine, "connect", limit)
        engine.dispose()


def test_a_full_disk_ends_a_search_with_its_record_whole(ledger: SqlLedger, make_ledger: MakeLedger) -> None:
    """SQLite raises the same error for a file that may not grow as for a full disk."""
    fault = (ledger.url, "database or disk is full")
    with restricted(ledger, "max_page_count={pages}"), raises_about(LedgerError, fault):
        drive(Search(SPACE, ledger))
    roomy = SqlLedger.open(ledger.url, SEARCH)
    assert roomy.load(), "it did begin"
    drive(Search(SPACE, roomy))
    undisturbed = make_ledger(SPACE, "undisturbed")
    drive(Search(SPACE, undisturbed))
    assert on_record(roomy) == on_record(undisturbed)
    roomy.close()


def damage(file: Path, table: str) -> None:
    """Overwrite the first page of a table, as a broken disk does."""
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
        page = connection.execute(sa.text(f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")).scalar_one()
        size = connection.execute(sa.text("PRAGMA page_size")).scalar_one()
    engine.dispose()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xa5" * size)


@pytest.mark.parametrize("table", ["tuner_reports", "trials", "trial_params"])
def test_a_damaged_page_is_named_with_the_way_to_save_the_rest(ledger: SqlLedger, table: str) -> None:
    drive(Search(SPACE, ledger))
    ledger.close()
    damage(Path(ledger.url.removeprefix("sqlite:///")), table)
    with raises_about(LedgerError, (ledger.url, "malformed")) as caught:
        SqlLedger.open(ledger.url, SEARCH).load()
    assert ".recover" in str(caught.value)


def read(url: str) -> list[TrialRecord]:
    """Read all trials of a ledger, as `tuner front` does."""
    with closing(SqlLedger.open(url, SEARCH)) as ledger:
        return [replace(trial, reports=tuple(trial.reports)) for trial in ledger.load()]


@pytest.mark.parametrize("pattern", [b"\xa5", b"\0"])
def test_no_damaged_page_makes_another_record_or_error(ledger: SqlLedger, tmp_path: Path, pattern: bytes) -> None:
    """The second half of each page in turn: a damaged index would hide its rows without an error."""
    drive(Search(SPACE, ledger))
    ledger.close()
    whole, copy = Path(ledger.url.removeprefix("sqlite:///")), tmp_path / "copy.db"
    expected = read(ledger.url)
    size, named = 4096, 0
    for start in range(size // 2, whole.stat().st_size, size):
        content = bytearray(whole.read_bytes())
        content[start : start + size // 2] = pattern * (size // 2)
        copy.write_bytes(content)
        try:
            assert read(f"sqlite:///{copy}") == expected
        except UsageError as error:
            named += ".recover" in str(error)
    assert named > 5


def test_a_file_that_may_not_be_written_is_named(ledger: SqlLedger) -> None:
    search = Search(SPACE, ledger)
    with restricted(ledger, "query_only=ON"), raises_about(LedgerError, (ledger.url, "readonly database")):
        drive(search)
    assert ledger.load() == []
