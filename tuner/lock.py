"""One driver a search: a lock that the operating system takes back when its holder dies."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tuner.errors import UsageError

_HELD = {errno.EAGAIN, errno.EACCES}
# A reader that asks whether there is a driver holds the lock for a moment.
_ATTEMPTS, _PAUSE_SECONDS = 3, 0.05


@contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of a search's folder; raise UsageError if another driver has it, or if there can be no lock.

    The refusal names the holder's process, host and start. A lock file without a living holder locks nothing.
    """
    path = folder / "driver.lock"
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The lock {path} cannot be written: {error}. Check the rights of the folder.") from error
    with file:
        _lock(file, folder)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, started {started}\n")
        file.flush()
        yield


def is_driven(folder: Path) -> bool:
    """Tell whether a living driver has the lock of a search's folder; where there are no locks, none has."""
    try:
        with (folder / "driver.lock").open(encoding="utf-8") as file:
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
        raise UsageError(
            f"The search {folder.name} is being driven by {file.read().strip() or 'another process'}: "
            "wait for it, or stop it with Ctrl-C or SIGTERM."
        ) from error
