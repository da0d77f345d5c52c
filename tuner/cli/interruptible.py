"""What a command that drives a search does on SIGINT and SIGTERM before there is a driver."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tuner.engine.signals import handle_signals, interrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """End with exit code 130 on either signal; `tuner.driver.drive` and the session have their own answers."""
    try:  # around the change of answers, too: a signal may come in the middle of it
        with handle_signals(interrupt):
            yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        raise typer.Exit(130) from None
