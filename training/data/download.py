"""Downloads by torchvision that either put all files in place or leave nothing behind."""

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from training.data.image_source import DataError

TIMEOUT_SECONDS = 20.0


def download(name: str, root: Path, calls: Sequence[Mapping[str, Any]] = ({},)) -> None:
    """Download torchvision's data set of class `name` into `root`, which need not exist.

    `calls` are the other arguments of the class, for each part that it downloads by itself. torchvision checks the MD5
    sums. If the network or a checksum fails, raise DataError and leave `root` unchanged.
    """
    # Not at the top: the import takes a second, and most processes download nothing.
    from torchvision import datasets

    try:
        with (
            # On the file system of the target, so that a rename moves the files and they appear complete or not at all.
            tempfile.TemporaryDirectory(prefix=".download-", dir=_nearest_existing(root)) as temporary,
            _socket_timeout(TIMEOUT_SECONDS),
        ):
            for arguments in calls:
                getattr(datasets, name)(temporary, **arguments, download=True)
            _move_files(Path(temporary), root)
    except (OSError, RuntimeError, ValueError, HTTPException) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"The download of {name} failed: {reason or type(error).__name__}", name) from error


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for the block: torchvision has none, and would wait for minutes if a firewall drops packets."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _move_files(source: Path, target: Path) -> None:
    for folder, _, names in os.walk(source):
        destination = target / Path(folder).relative_to(source)
        destination.mkdir(parents=True, exist_ok=True)
        for name in names:
            Path(folder, name).replace(destination / name)
