"""One driver a search: a lock that the operating system, or the database, takes back when its holder dies."""

import errno
import fcntl
import hashlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tuner.errors import UsageError
from tuner.redact import without_password
from tuner.runs.mirror import url_of

if TYPE_CHECKING:
    import sqlalchemy as sa

_log = logging.getLogger(__name__)

LOCK_FILE = "driver.lock"
_HELD = {errno.EAGAIN, errno.EACCES}
# A reader that asks whether there is a driver holds the lock for a moment.
_ATTEMPTS, _PAUSE_SECONDS = 3, 0.05
_WATCH_SECONDS = 2.0
# Seconds without a word, seconds between questions, questions: then the server gives a lost connection's lock back.
_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
_HOLDER_QUERY = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((classid::bigint << 32) | objid::bigint) = :key"
)


def driver_lock(folder: Path, ledger_url: str) -> AbstractContextManager[None]:
    """Give the lock of a search: in its folder, or in its ledger's database where the folder is in object storage."""
    return only_driver_by_database(ledger_url, folder.name) if url_of(folder) else only_driver(folder)


@contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of a search's folder; raise UsageError if another driver has it, or if there can be no lock.

    The refusal names the holder's process, host and start. A lock file without a living holder locks nothing.
    """
    path = folder / LOCK_FILE
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The lock {path} cannot be written: {error}. Check the rights of the folder.") from error
    with file:
        _lock(file, folder)
        _write_holder(path, file.fileno())
        yield


def _write_holder(path: Path, descriptor: int) -> None:
    """Write who holds the lock; straight into the file, for what a full disk refuses must not come back at its end."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{_holder()}\n".encode())
    except OSError as error:
        raise UsageError(f"The lock {path} cannot be written: {error}. Check the space and the rights.") from error


@contextmanager
def only_driver_by_database(ledger_url: str, search: str) -> Iterator[None]:
    """Hold a search's advisory lock in PostgreSQL; raise UsageError if another driver has it, or if it has no locks.

    The lock lives as long as its connection, which is watched. A machine that is gone is noticed by the server within a
    minute.
    """
    import sqlalchemy as sa

    engine, key = sa.create_engine(ledger_url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT"), _key(search)
    if engine.dialect.name != "postgresql":
        raise UsageError(
            f"The ledger {without_password(ledger_url)} has no locks, which a search in object storage needs: "
            "give --ledger postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    with engine.connect() as connection:
        for name, value in {**_KEEPALIVE, "application_name": f"tuner: {_holder()}"}.items():
            connection.execute(sa.text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
        if not connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar():
            holder = connection.execute(sa.text(_HOLDER_QUERY), {"key": key}).scalar()
            raise _held(search, str(holder or "").removeprefix("tuner: "))
        with _watched(connection, search):
            yield


@contextmanager
def _watched(connection: "sa.Connection", search: str) -> Iterator[None]:
    """Ask again and again whether the connection that holds a lock lives, and end this process gracefully if not.

    With the connection the server gives the lock back, after its own restart for one, and another driver may take it.
    """
    import sqlalchemy as sa

    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            try:
                connection.execute(sa.text("SELECT 1"))
            except sa.exc.SQLAlchemyError as error:
                reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
                _log.error("The lock of %s is lost with its connection (%s): this driver stops.", search, reason)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch, name="lock", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _is_held_in_database(ledger_url: str, search: str) -> bool:
    import sqlalchemy as sa

    with sa.create_engine(ledger_url, poolclass=sa.pool.NullPool).connect() as connection:
        return connection.execute(sa.text(_HOLDER_QUERY), {"key": _key(search)}).first() is not None


def _key(search: str) -> int:
    return int.from_bytes(hashlib.sha256(f"tuner:{search}".encode()).digest()[:4])


def _holder() -> str:
    # PostgreSQL keeps 63 characters of it.
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {socket.gethostname()[:20]}, started {started}"


def _held(search: str, holder: str) -> UsageError:
    return UsageError(
        f"The search {search} is being driven by {holder or 'another process'}: "
        "wait for it, or stop it with Ctrl-C or SIGTERM."
    )


def is_driven(folder: Path, ledger_url: str) -> bool:
    """Tell whether a living driver has the lock of a search; where there are no locks, none has."""
    if url_of(folder):
        return _is_held_in_database(ledger_url, folder.name)
    try:
        with (folder / LOCK_FILE).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    return False


def _lock(file: TextIO, folder: Path, attempts: int = _ATTEMPTS) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD and attempts > 1:
            time.sleep(_PAUSE_SECONDS)
            _lock(file, folder, attempts - 1)
            return
        if error.errno not in _HELD:
            raise UsageError(
                f"The file system of {folder} has no locks ({error}), without which two drivers could spoil one "
                "search: give --runs-dir on another one, or mount it with locks."
            ) from error
        file.seek(0)
        raise _held(folder.name, file.read().strip()) from error
