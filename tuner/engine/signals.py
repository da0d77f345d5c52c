"""SIGINT and SIGTERM of a driver, from its first step to its last.

A session of Ray Tune has its own answer to them (`tuner.engine.session`). Before and after it both raise
KeyboardInterrupt, but where Ray would be left half started or half stopped they wait until it is done.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED = 130
_PATIENCE_SECONDS = 10.0


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Answer both signals by `handler`; afterwards as before."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    answer(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def answer(handler: Handler) -> None:
    """Answer both signals by `handler` from now on."""
    for number in _SIGNALS:
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as Python does for one of the two signals."""
    del number, frame
    raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold a signal back until the work inside is done, then raise KeyboardInterrupt.

    A second signal ends the process, and so do a few seconds without an end of the work, which may wait for children
    that have got the signal, too. Whatever it raises after a signal is a consequence of it.
    """
    asked, done = threading.Event(), threading.Event()
    interrupted = False

    def impatient() -> None:
        asked.wait()
        if not done.wait(_PATIENCE_SECONDS):
            _leave()

    # Started here, not by the signal: that may come while the work starts a thread itself, and holds the lock of that.
    threading.Thread(target=impatient, daemon=True).start()

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        del number, frame
        if interrupted:  # no lock of the event's: the signal may come while this very function holds it
            _leave()
        interrupted = True
        asked.set()

    try:
        with handled_by(note):
            yield
    finally:  # when a signal can no longer come to `note`
        done.set()
        asked.set()  # for the thread, which ends
        if interrupted:
            raise KeyboardInterrupt


def _leave() -> None:
    sys.stderr.write("Interrupted.\n")
    os._exit(_INTERRUPTED)
