"""Files that are replaced in one step: a reader finds the old file or the new one, never a part."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, *, durable: bool = False, fsync: Callable[[int], None] = os.fsync) -> Iterator[BinaryIO]:
    """Open a file for writing and reading; it replaces `path` when the block ends without an error.

    Until then it lies beside `path`, with the suffix `.tmp`, so that both are on one file system. If the block raises
    an error, `path` stays as it was. With `durable`, the content is on the disk before `path` is replaced, so that a
    power failure cannot leave an empty file. The file has the permissions of any new file.
    """
    # A name of its own for each write: processes on several machines may write the same file to a shared folder.
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("w+b") as file:
            yield file
            if durable:
                file.flush()
                fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
