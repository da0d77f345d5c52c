"""Connections to the database of a ledger, a SQLite file by default or a server by URL, and the errors of both."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import sqlalchemy as sa

from tuner.errors import UsageError, first_line
from tuner.ledger.protocol import LedgerError
from tuner.redact import without_password

_LOCK_SECONDS = 60
_FULL = "free some space"
_DAMAGED = (
    "restore the file from a backup, or save what can be read: sqlite3 ledger.db .recover | sqlite3 recovered.db; "
    "what MLflow shows of the search is a copy of it"
)
_WAYS_OUT = {
    "database or disk is full": _FULL,
    "No space left on device": _FULL,
    "disk I/O error": "check whether the disk is full or broken",
    "malformed": _DAMAGED,
    "not a database": _DAMAGED,
    "readonly database": "check the rights of the file and of its folder",
    "unable to open database file": "check the rights and the space of its folder",
    "is locked": "end the program that keeps the file locked, perhaps a backup",
}


# Optuna's storage, an engine for writing, and an engine for reading.
Connections = tuple[optuna.storages.RDBStorage, sa.Engine, sa.Engine]


def connect(url: str) -> Connections:
    """Return Optuna's storage, an engine for writing, and an engine without a pool for reading.

    Raise UsageError, without the password, if the database cannot be opened.
    """
    shown = without_password(url)
    try:
        address = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        way = "write --ledger as postgresql://USER:PASSWORD@HOST/DATABASE, or leave it out to use a file"
        # The message of the cause may contain the password.
        raise UsageError(f"The ledger {shown} is not a database's URL: {way}.", shown) from None
    try:
        arguments = _engine_arguments(address)
        archive = _archive(address)
        if archive is not None:
            url, address = archive.render_as_string(hide_password=False), archive
        with ExitStack() as failed:
            engine = sa.create_engine(address, **arguments)
            failed.callback(engine.dispose)
            if engine.dialect.name == "sqlite" and archive is None:
                # Readers (`tuner show`, the tracking thread) and the driver's writes must not block each other.
                with engine.connect() as connection:
                    connection.execute(sa.text("PRAGMA journal_mode=WAL"))
            storage = optuna.storages.RDBStorage(url, engine_kwargs=arguments)
            reading = sa.create_engine(address, poolclass=sa.pool.NullPool, **arguments)
            failed.pop_all()
            return storage, engine, reading
    except ImportError as error:
        fault = f"needs a driver that is not installed ({error})"
        way = "for PostgreSQL, pip install 'robust-tuner[postgres]'"
        raise UsageError(f"The ledger {shown} {fault}: {way}.", shown) from error
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
        if address.drivername.startswith("sqlite"):
            raise _ledger_error(url, str(getattr(error, "orig", None) or error.__cause__ or error)) from error
        fault = f"cannot be opened: {first_line(error)}"
        raise UsageError(f"The ledger {shown} {fault}. Check --ledger, the server and the rights.", shown) from error


def disconnect(connections: Connections) -> None:
    """Release all connections. When the last one closes, SQLite merges the files beside the database into it."""
    storage, *engines = connections
    storage.remove_session()
    for engine in (storage.engine, *engines):
        engine.dispose()


@contextmanager
def connected(url: str) -> Iterator[Connections]:
    """Connect as `connect` does, and release the connections if the block fails; they stay open otherwise."""
    connections = connect(url)
    try:
        yield connections
    except BaseException:
        disconnect(connections)
        raise


def remove_empty_study(url: str, search: str, search_id: str) -> None:
    """Remove the study that a driver leaves in a shared database if it dies while it creates a search.

    Call it only while holding the search's lock. It removes only a study that has this `search_id` or no facts yet, and
    never one with trials.
    """
    connections = connect(url)
    storage = connections[0]
    try:
        with as_ledger_errors(url):
            study = optuna.load_study(study_name=search, storage=storage)
            empty = not study.get_trials(deepcopy=False)
            if empty and study.user_attrs.get("search_id") in {None, search_id}:
                optuna.delete_study(study_name=search, storage=storage)
    except KeyError:
        return
    finally:
        disconnect(connections)


def _archive(address: sa.URL) -> sa.URL | None:
    """Return an address that reads a file in a folder without write permission; None for any other ledger.

    SQLite needs two files beside a ledger even to read it, unless it is told that nothing changes. If these files
    exist, a driver is writing, or was when the machine stopped.
    """
    file = Path(address.database or "")
    if not address.drivername.startswith("sqlite") or not file.is_file() or os.access(file.parent, os.W_OK):
        return None
    if any(file.with_name(f"{file.name}{ending}").exists() for ending in ("-wal", "-shm")):
        return None
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return sa.URL.create(address.drivername, database=f"file:{quote(str(file.resolve()))}", query=query)


def require_whole(url: str, engine: sa.Engine) -> None:
    """Raise LedgerError if the pages of a file contradict each other: a damaged index hides rows without an error."""
    if engine.dialect.name != "sqlite":
        return
    with as_ledger_errors(url), engine.connect() as connection:
        found = connection.execute(sa.text("PRAGMA quick_check(1)")).scalars().first()
    if found != "ok":
        raise _ledger_error(url, f"the file is malformed ({str(found).strip().splitlines()[-1]})")


def _engine_arguments(address: sa.URL) -> dict[str, Any]:
    """Return arguments that wait for the lock of a backup or a reader, and test a pooled connection before its use."""
    if address.drivername.startswith("sqlite"):
        return {"connect_args": {"timeout": _LOCK_SECONDS}}
    return {"pool_pre_ping": True}


@contextmanager
def as_ledger_errors(url: str) -> Iterator[None]:
    """Raise every error of the database inside as a LedgerError, but not that of a second row for one report."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = error if isinstance(error, ValueError) else (getattr(error, "orig", None) or error.__cause__ or error)
        raise _ledger_error(url, str(getattr(cause, "orig", None) or cause)) from error


@contextmanager
def damaged_rows_as_ledger_errors(url: str) -> Iterator[None]:
    """Do the same, also for rows that make no sense, such as a text that is not JSON or an unknown state."""
    try:
        with as_ledger_errors(url):
            yield
    except (LookupError, TypeError, OverflowError) as error:
        raise _ledger_error(url, f"{error!r}: its rows are malformed") from error


def _ledger_error(url: str, reason: str) -> LedgerError:
    """Return the error that quotes what a database reports and says what to do; it is about the address and the fault.

    The fault is a key of `_WAYS_OUT`, or None if it is none of them.
    """
    reason, address = next(iter(reason.strip().splitlines()), "no reason given"), without_password(url)
    fault = next((words for words in _WAYS_OUT if words in reason), None)
    way_out = _WAYS_OUT[fault] if fault else "check the database and its server"
    text = f"The ledger {address} cannot be used: {reason}. What is on record stays; {way_out}, then resume."
    return LedgerError(text, (address, fault))
