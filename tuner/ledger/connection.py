"""Connections to the database of a ledger: a SQLite file by default, or a server by URL."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import sqlalchemy as sa

from tuner.errors import UsageError
from tuner.ledger.database_errors import as_ledger_errors, ledger_error
from tuner.redact import without_password

_LOCK_SECONDS = 60


def connect(url: str) -> tuple[optuna.storages.RDBStorage, sa.Engine, sa.Engine]:
    """Return Optuna's storage, an engine for writing, and an engine without a pool for reading.

    Raise UsageError, without the password, if the database cannot be opened.
    """
    try:
        address = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError(
            f"The ledger {without_password(url)} is not a database's URL: write --ledger as "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or leave it out to use a file."
        ) from None  # its message may contain the password
    try:
        arguments = _engine_arguments(address)
        archive = _archive(address)
        if archive is not None:
            url, address = archive.render_as_string(hide_password=False), archive
        engine = sa.create_engine(address, **arguments)
        if engine.dialect.name == "sqlite" and archive is None:
            # Readers (`tuner show`, the tracking thread) and the driver's writes must not block each other.
            with engine.connect() as connection:
                connection.execute(sa.text("PRAGMA journal_mode=WAL"))
        storage = optuna.storages.RDBStorage(url, engine_kwargs=arguments)
        return storage, engine, sa.create_engine(address, poolclass=sa.pool.NullPool, **arguments)
    except ImportError as error:
        raise UsageError(
            f"The ledger {without_password(url)} needs a driver that is not installed ({error}): "
            "for PostgreSQL, pip install 'robust-tuner[postgres]'."
        ) from error
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
        if address.drivername.startswith("sqlite"):
            raise ledger_error(url, str(getattr(error, "orig", None) or error.__cause__ or error)) from error
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"The ledger {without_password(url)} cannot be opened: {reason}. Check --ledger, the server and the rights."
        ) from error


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
        raise ledger_error(url, f"the file is malformed ({str(found).strip().splitlines()[-1]})")


def _engine_arguments(address: sa.URL) -> dict[str, Any]:
    """Return arguments that wait for the lock of a backup or a reader, and test a pooled connection before its use."""
    if address.drivername.startswith("sqlite"):
        return {"connect_args": {"timeout": _LOCK_SECONDS}}
    return {"pool_pre_ping": True}
