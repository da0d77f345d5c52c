"""What a driver does on SIGINT and SIGTERM; the tests send the signals to their own process."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

import pytest

from tuner.engine.signals import delay_signals, handle_signals, interrupt

# Python notes what `exec` raises only in a module that it runs by `-m`.
INTERRUPTED = """
import os, signal, sys
from tuner.engine.signals import handle_signals, interrupt
try:
    with handle_signals(interrupt):
        exec("os.kill(os.getpid(), signal.SIGINT)")
except KeyboardInterrupt:
    sys.exit(130)
"""
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_both_signals_interrupt_and_get_their_earlier_handlers_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(KeyboardInterrupt), handle_signals(interrupt):
        os.kill(os.getpid(), number)
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_a_finalizer_is_not_lost(number: signal.Signals) -> None:
    class Finalized:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    def work() -> None:
        with handle_signals(interrupt):
            Finalized()  # Python drops what its finalizer raises
            threading.Event().wait(20)

    with pytest.raises(KeyboardInterrupt):
        work()


def test_a_signal_while_python_runs_code_from_text_leaves_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    command = [sys.executable, "-m", "interrupted"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    assert subprocess.run(command, cwd=tmp_path, env=environment, check=False).returncode == 130


def test_other_errors_of_finalizers_are_shown_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __del__(self) -> None:
            raise RuntimeError

    shown: list[type[BaseException]] = []
    monkeypatch.setattr("sys.unraisablehook", lambda dropped: shown.append(dropped.exc_type))
    with handle_signals(interrupt):
        Broken()
    assert shown == [RuntimeError]


def test_the_inner_handler_is_called() -> None:
    numbers: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        numbers.append(number)

    with handle_signals(interrupt), handle_signals(note):
        os.kill(os.getpid(), signal.SIGTERM)
    assert numbers == [signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_the_work_is_done(number: signal.Signals) -> None:
    done: list[str] = []

    def work() -> None:
        with delay_signals():
            os.kill(os.getpid(), number)
            done.append("work")
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["work"]


def test_without_a_signal_the_work_raises_its_own_errors() -> None:
    error = ConnectionError("nobody answers")
    with pytest.raises(ConnectionError) as caught, delay_signals():
        raise error
    assert caught.value is error


def test_an_error_after_a_signal_counts_as_its_consequence() -> None:
    def work() -> None:
        with delay_signals():
            os.kill(os.getpid(), signal.SIGINT)
            raise ConnectionError("the child has got the signal, too")

    with pytest.raises(KeyboardInterrupt):
        work()


def test_a_second_signal_or_a_long_wait_leaves_at_once() -> None:
    left = threading.Event()

    def twice() -> None:
        with delay_signals(left.set):
            os.kill(os.getpid(), signal.SIGINT)
            assert not left.is_set()
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert left.is_set()

    def without_end() -> None:
        with delay_signals(left.set, patience_seconds=0):
            os.kill(os.getpid(), signal.SIGINT)
            assert left.wait(20)

    left.clear()
    with pytest.raises(KeyboardInterrupt):
        without_end()
