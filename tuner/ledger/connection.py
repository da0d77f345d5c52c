"""Connections to the ledger's database: a file by default, or a server by URL."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import sqlalchemy as sa

from tuner.errors import UsageError
from tuner.ledger.database_errors import named_trouble, trouble
from tuner.redact import without_password

_LOCK_SECONDS = 60


def connect(url: str) -> tuple[optuna.storages.RDBStorage, sa.Engine, sa.Engine]:
    """Open Optuna's storage and the database below it, for writing and, without a pool, for reading.

    Raise UsageError, without the password, if that fails.
    """
    try:
        address = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError(
            f"The ledger {without_password(url)} is not a database's URL: write --ledger as "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or leave it out to use a file."
        ) from None  # whose message may hold the password
    try:
        arguments = _engine_arguments(address)
        archive = _archive(address)
        if archive is not None:
            url, address = archive.render_as_string(hide_password=False), archive
        engine = sa.create_engine(address, **arguments)
        if engine.dialect.name == "sqlite" and archive is None:
            # Readers (`tuner show`, the tracking thread) must not block the driver's writes, nor it them.
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
            raise trouble(url, str(getattr(error, "orig", None) or error.__cause__ or error)) from error
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"The ledger {without_password(url)} cannot be opened: {reason}. Check --ledger, the server and the rights."
        ) from error


def _archive(address: sa.URL) -> sa.URL | None:
    """Give the address for reading a file in a folder that cannot be written, None for any other ledger.

    SQLite keeps two files beside a ledger, for those who read it, too, and goes without if it is told that nothing
    changes. Where they are there, somebody is writing, or was when the machine stopped.
    """
    file = Path(address.database or "")
    if not address.drivername.startswith("sqlite") or not file.is_file() or os.access(file.parent, os.W_OK):
        return None
    if any(file.with_name(f"{file.name}{ending}").exists() for ending in ("-wal", "-shm")):
        return None
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return sa.URL.create(address.drivername, database=f"file:{quote(str(file.resolve()))}", query=query)


def require_whole(url: str, engine: sa.Engine) -> None:
    """Raise LedgerError where a file's pages contradict each other: a damaged index hides rows without a word."""
    if engine.dialect.name != "sqlite":
        return
    with named_trouble(url), engine.connect() as connection:
        found = connection.execute(sa.text("PRAGMA quick_check(1)")).scalars().first()
    if found != "ok":
        raise trouble(url, f"the file is malformed ({str(found).strip().splitlines()[-1]})")


def _engine_arguments(address: sa.URL) -> dict[str, Any]:
    """Wait for a lock that a backup or a reader holds; find a server's lost connection before it is used."""
    if address.drivername.startswith("sqlite"):
        return {"connect_args": {"timeout": _LOCK_SECONDS}}
    return {"pool_pre_ping": True}
