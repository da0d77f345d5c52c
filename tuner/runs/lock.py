"""One driver for each search: a lock that the operating system or the database releases when its holder dies."""

import errno
import fcntl
import hashlib
import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import sqlalchemy as sa

from tuner.errors import UsageError, first_line
from tuner.redact import without_password
from tuner.runs.mirror import url_of, writing_to

_log = logging.getLogger(__name__)

_Flock = Callable[[TextIO, int], None]

LOCK_FILE = "driver.lock"
_HELD = {errno.EAGAIN, errno.EACCES}
# A reader that checks for a driver holds the lock for a moment.
_ATTEMPTS, _PAUSE_SECONDS = 3, 0.05
_WATCH_SECONDS = 2.0
# Idle seconds, seconds between probes, and probes, after which the server releases the lock of a lost connection.
_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
# Process, start in seconds since 1970, and host: PostgreSQL keeps 63 characters, so what may be long comes last.
_HOLDER = re.compile(r"(?P<process>\d{1,10}) (?P<started>\d{1,10}) (?P<host>\S*)")
_IN_DATABASE = "tuner: "
_HOLDER_QUERY = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((classid::bigint << 32) | objid::bigint) = :key"
)


@dataclass(frozen=True)
class Holder:
    """The driver that holds a lock, or held it last; `started` is its time in ISO 8601."""

    process: int
    host: str
    started: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, started {self.started}"


def holder_of(folder: Path, ledger_url: str) -> Holder | None:
    """Return the driver of a search; without a living one its last one, as far as that is known."""
    with suppress(OSError):
        if url_of(folder):
            return _parsed(_holder_in_database(ledger_url, folder.name) or "")
        return _parsed((folder / LOCK_FILE).read_text(encoding="utf-8", errors="replace"))
    return None


def _parsed(text: str) -> Holder | None:
    found = _HOLDER.fullmatch(text.strip().removeprefix(_IN_DATABASE))
    if found is None:
        return None
    started = datetime.fromtimestamp(int(found["started"]), UTC).isoformat(timespec="seconds")
    return Holder(int(found["process"]), found["host"], started)


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def driver_lock(folder: Path, ledger_url: str) -> AbstractContextManager[None]:
    """Return the lock of a search: in its folder, or in the ledger's database if the folder is in object storage."""
    return only_driver_by_database(ledger_url, folder.name) if url_of(folder) else only_driver(folder)


@contextmanager
def only_driver(folder: Path, flock: _Flock = fcntl.flock) -> Iterator[None]:
    """Hold the lock of a search's folder; raise UsageError if another driver holds it, or if locks do not work.

    The error names the process, host and start of the holder. A lock file without a living holder locks nothing.
    """
    path = folder / LOCK_FILE
    with writing_to(path):
        file = path.open("a+", encoding="utf-8")
    with file:
        _lock(file, folder, flock)
        _write_holder(path, file.fileno())
        yield


def _write_holder(path: Path, descriptor: int) -> None:
    """Write the holder into the lock file, without a buffer: a full disk must raise an error now, not at the end."""
    with writing_to(path):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{_holder()}\n".encode())


@contextmanager
def only_driver_by_database(
    ledger_url: str, search: str, watch_seconds: float = _WATCH_SECONDS, stop: Callable[[], None] = _terminate
) -> Iterator[None]:
    """Hold a search's advisory lock in PostgreSQL; raise UsageError if another driver holds it, or for other databases.

    The lock lasts as long as its connection, which a thread watches; it calls `stop` if the connection is lost. The
    server notices a dead machine within a minute.
    """
    engine, key = sa.create_engine(ledger_url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT"), _key(search)
    if engine.dialect.name != "postgresql":
        raise UsageError(
            f"The ledger {without_password(ledger_url)} has no locks, which a search in object storage needs: "
            "give --ledger postgresql://USER:PASSWORD@HOST/DATABASE.",
            "--ledger",
        )
    with engine.connect() as connection:
        for name, value in {**_KEEPALIVE, "application_name": f"{_IN_DATABASE}{_holder()}"}.items():
            connection.execute(sa.text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
        if not connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar():
            holder = connection.execute(sa.text(_HOLDER_QUERY), {"key": key}).scalar()
            raise _held(search, str(holder or ""))
        with _watched(connection, search, watch_seconds, stop):
            yield


@contextmanager
def _watched(connection: sa.Connection, search: str, seconds: float, stop: Callable[[], None]) -> Iterator[None]:
    """Check the connection that holds a lock every few seconds, and stop this driver if it is lost.

    When the connection ends, for example because the server restarts, another driver may take the lock.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(seconds):
            try:
                connection.execute(sa.text("SELECT 1"))
            except sa.exc.SQLAlchemyError as error:
                reason = first_line(getattr(error, "orig", None) or error)
                _log.error("The lock of %s was lost with its connection (%s): this driver stops.", search, reason)
                stop()
                return

    watcher = threading.Thread(target=watch, name="lock", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _holder_in_database(ledger_url: str, search: str) -> str | None:
    engine = sa.create_engine(ledger_url, poolclass=sa.pool.NullPool)
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return connection.execute(sa.text(_HOLDER_QUERY), {"key": _key(search)}).scalar()


def _key(search: str) -> int:
    return int.from_bytes(hashlib.sha256(f"tuner:{search}".encode()).digest()[:4])


def _holder() -> str:
    return f"{os.getpid()} {int(time.time())} {socket.gethostname()}"


def _held(search: str, text: str) -> UsageError:
    holder = _parsed(text)
    way = f"wait for it, or stop it with `tuner stop {search}`"
    return UsageError(f"The search {search} is being driven by {holder or 'another process'}: {way}.", search)


def is_driven(folder: Path, ledger_url: str, flock: _Flock = fcntl.flock) -> bool:
    """Return whether a living driver holds the lock of a search; False if locks do not work there."""
    if url_of(folder):
        return _holder_in_database(ledger_url, folder.name) is not None
    try:
        with (folder / LOCK_FILE).open(encoding="utf-8") as file:
            flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    return False


def _lock(file: TextIO, folder: Path, flock: _Flock, attempts: int = _ATTEMPTS) -> None:
    try:
        flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD and attempts > 1:
            time.sleep(_PAUSE_SECONDS)
            _lock(file, folder, flock, attempts - 1)
            return
        if error.errno not in _HELD:
            raise UsageError(
                f"The file system of {folder} has no locks ({error}), and without locks two drivers could damage "
                "one search: use --runs-dir on another file system, or mount this one with locks.",
                folder,
            ) from error
        file.seek(0)
        raise _held(folder.name, file.read()) from error
