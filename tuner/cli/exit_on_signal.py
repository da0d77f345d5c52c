"""What SIGINT and SIGTERM do before a command has started a driver."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tuner.engine.signals import handle_signals, interrupt


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """End with exit code 130 on either signal. The driver and the session of Ray Tune set their own handlers later."""
    try:  # outside the `with` block, because a signal may come while the handlers are set or taken back
        with handle_signals(interrupt):
            yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        raise typer.Exit(130) from None
