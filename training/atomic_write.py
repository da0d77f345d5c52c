"""Files that are replaced at once: a reader finds the old file or the new one, never a part."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing and reading that takes the place of `path` when the block ends without an error.

    Until then it lies beside `path`, with an ending `.tmp`, so that both are on one file system. If the block raises,
    `path` stays as it was. With `durable`, the content is on the disk before `path` is replaced, so that a power
    failure cannot leave an empty file. The file has the rights that any new file gets.
    """
    # A name of its own for each write: processes on several machines may write the same file to a shared folder.
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("w+b") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
