"""One driver a search, between processes."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.errors import UsageError
from tuner.runs.lock import driver_lock, is_driven, only_driver

HOLDER = """
import sys
from pathlib import Path
from tuner.runs.lock import only_driver
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
        holder = rf"process {first.pid} on {socket.gethostname()}, started 20\d\d-\d\d-\d\dT[\d:]+\+00:00"
        expected = rf"{tmp_path.name} is being driven by {holder}: .*Ctrl-C"
        with pytest.raises(UsageError, match=expected), only_driver(tmp_path):
            pass
        with pytest.raises(UsageError, match=expected), only_driver(tmp_path):
            pass
        first.communicate("done\n")
    with only_driver(tmp_path):
        assert (tmp_path / "driver.lock").read_text().startswith(f"process {os.getpid()} on ")


def test_a_reader_sees_whether_a_driver_is_at_work(tmp_path: Path) -> None:
    assert not is_driven(tmp_path, ""), "nobody ever was"
    with hold(tmp_path) as driver:
        assert is_driven(tmp_path, "")
        driver.communicate("done\n")
    assert not is_driven(tmp_path, "")


def test_a_driver_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        with only_driver(tmp_path):
            pass


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, "is being driven by another process"),
        (errno.EAGAIN, "is being driven by another process"),
        (errno.ENOLCK, r"The file system of {folder} has no locks \(.*{reason}\).*--runs-dir"),
        (errno.ENOTSUP, r"The file system of {folder} has no locks \(.*{reason}\).*--runs-dir"),
    ],
)
def test_a_system_that_refuses_a_lock_says_whether_another_driver_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str
) -> None:
    def flock(file: object, operation: int) -> None:
        del file, operation
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tuner.runs.lock.fcntl.flock", flock)
    expected = expected.format(folder=tmp_path, reason=os.strerror(number))
    with pytest.raises(UsageError, match=expected), only_driver(tmp_path):
        pass


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"The lock {tmp_path}/gone/driver.lock cannot be written: .*No such file"):
        only_driver(tmp_path / "gone").__enter__()


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_driver(tmp_path):
        raise ZeroDivisionError
    with only_driver(tmp_path):
        pass


def test_a_search_in_object_storage_needs_a_ledger_with_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuner.runs.mirror._copies", {tmp_path: "s3://bucket/runs"})
    with (
        pytest.raises(UsageError, match="The ledger sqlite:// has no locks"),
        driver_lock(tmp_path / "one", "sqlite://"),
    ):
        pass
    assert not is_driven(tmp_path / "one", "sqlite://")
