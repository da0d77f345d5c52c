"""SIGINT and SIGTERM in a driver, from its first step to its last.

A session of Ray Tune handles them in its own way (`tuner.engine.session`). Before and after a session both raise
KeyboardInterrupt. Where that would leave Ray half started or half stopped, they wait until the work is done.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

Handler = Callable[[int, FrameType | None], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED = 130
_PATIENCE_SECONDS = 10.0
_SECONDS_UNTIL_SENT_AGAIN = 0.05


class Interrupted(KeyboardInterrupt):
    """A signal came.

    Python notes a KeyboardInterrupt that passes through `exec`, with which imports make data classes. A process that
    noted one ends by the signal, whatever its exit code. It does not note a class of another name.
    """


@contextmanager
def handle_signals(handler: Handler) -> Iterator[None]:
    """Call `handler` on both signals; after the block the earlier handlers are back.

    Python drops a KeyboardInterrupt that is raised in a finalizer or in the callback of a weak reference, as imports
    run them by the hundred. The signal is then sent again.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    hook = sys.unraisablehook

    def send_again(dropped: "UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Thread(target=_send_later, daemon=True).start()
        else:
            hook(dropped)

    set_handler(handler)
    sys.unraisablehook = send_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, earlier in before.items():
            signal.signal(number, earlier)


def set_handler(handler: Handler) -> None:
    """Call `handler` on both signals from now on."""
    for number in _SIGNALS:
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise Interrupted: a handler that treats SIGTERM as Python treats SIGINT."""
    del number, frame
    raise Interrupted


def _send_later() -> None:
    # Not at once: the signal would come in the hook itself, where Python would drop it again.
    time.sleep(_SECONDS_UNTIL_SENT_AGAIN)
    identity = threading.main_thread().ident
    if identity is not None:
        signal.pthread_kill(identity, signal.SIGINT)


def leave() -> None:
    """End the process at once with exit code 130."""
    sys.stderr.write("Interrupted.\n")
    os._exit(_INTERRUPTED)


@contextmanager
def delay_signals(
    leave: Callable[[], object] = leave, *, patience_seconds: float = _PATIENCE_SECONDS
) -> Iterator[None]:
    """Hold a signal back until the block is done, then raise KeyboardInterrupt.

    A second signal calls `leave`. So do `patience_seconds` after the first one: the block may wait for children that
    got the signal as well. An error of the block after a signal is a consequence of the signal.
    """
    signal_came, done = threading.Event(), threading.Event()
    interrupted = False

    def lose_patience() -> None:
        signal_came.wait()
        if not done.wait(patience_seconds):
            leave()

    # Start the thread here, not in the handler: the signal may come while the block starts a thread itself and holds
    # the lock that starting a thread needs.
    threading.Thread(target=lose_patience, daemon=True).start()

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        del number, frame
        if interrupted:  # do not ask the event: a second signal may come while this function holds its lock
            leave()
        interrupted = True
        signal_came.set()

    try:
        with handle_signals(note):
            yield
    finally:  # from here on no signal can call `note`
        done.set()
        signal_came.set()  # so that the thread ends
        if interrupted:
            raise KeyboardInterrupt
