"""One driver a search, between processes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.errors import UsageError
from tuner.lock import only_driver

HOLDER = """
import sys
from pathlib import Path
from tuner.lock import only_driver
with only_driver(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_driver_is_refused_with_the_firsts_process_and_host(tmp_path: Path) -> None:
    with hold(tmp_path) as first:
        expected = rf"{tmp_path.name} is being driven by process {first.pid} on {socket.gethostname()}: .*Ctrl-C"
        with pytest.raises(UsageError, match=expected), only_driver(tmp_path):
            pass
        with pytest.raises(UsageError, match=expected), only_driver(tmp_path):
            pass
        first.communicate("done\n")
    with only_driver(tmp_path):
        assert (tmp_path / "driver.lock").read_text().startswith(f"process {os.getpid()} on ")


def test_a_driver_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        with only_driver(tmp_path):
            pass


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_driver(tmp_path):
        raise ZeroDivisionError
    with only_driver(tmp_path):
        pass
