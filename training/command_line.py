"""What the commands `training.run` and `training.evaluate` have in common: exit codes, an error, the device."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.explained_error import ExplainedError

if TYPE_CHECKING:  # importing torch takes seconds, and `--help` must not wait for it
    import torch

# OpenMP ends the process if it cannot start as many threads as it was told to.
_MOST_THREADS = 1024
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class CommandError(ExplainedError):
    """The command was called with wrong arguments; it prints the message and exits with WRONG_USAGE."""


def require_current_folder() -> None:
    """Raise CommandError if the current folder was deleted: no relative path means anything then."""
    try:
        Path.cwd()
    except OSError as error:
        raise CommandError(f"The current folder cannot be used: {error}. Change to another one.", ".") from error


def draw_into_files() -> None:
    """Let matplotlib draw into files: the backend in MPLBACKEND, such as a notebook's, may not be installed here."""
    os.environ["MPLBACKEND"] = "agg"


@contextmanager
def explain_long_names() -> Iterator[None]:
    """Raise CommandError if the block uses a file name that is longer than the file system allows."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise CommandError(
            f"{error.filename} is longer than the file system allows: choose a shorter name.", error.filename
        ) from error


def choose_device(name: str, threads: int | None) -> "torch.device":
    """Set the number of CPU threads and return the device `auto`, `cpu` or `cuda`.

    Raise CommandError if `threads` is none that torch can start, or if there is no CUDA device.
    """
    import torch

    if threads is not None:
        if not 1 <= threads <= _MOST_THREADS:
            rule = f"from 1 to {_MOST_THREADS}"
            raise CommandError(f"The value of --threads is {threads}, but must be {rule}.", "--threads")
        torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise CommandError("--device is cuda, but torch finds no CUDA device; use cpu or check the driver.", "--device")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
