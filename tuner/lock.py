"""One driver a search: a lock that the operating system takes back when its holder dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import UsageError


@contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of a search's folder; raise UsageError with the holder's host and process id if it is taken."""
    with (folder / "driver.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise UsageError(
                f"The search {folder.name} is being driven by {file.read().strip() or 'another process'}: "
                "wait for it, or stop it with Ctrl-C or SIGTERM."
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
