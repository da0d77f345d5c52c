"""One driver a search, between processes."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from full_disk import full_disk
from raises_about import raises_about

from tuner.errors import UsageError
from tuner.runs.lock import _holder, _write_holder, holder_of, is_driven, only_driver

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
        for _ in range(2):
            with raises_about(UsageError, tmp_path.name) as caught, only_driver(tmp_path):
                pass
            assert re.search(holder, str(caught.value))
        first.communicate("done\n")
    with only_driver(tmp_path):
        assert (tmp_path / "driver.lock").read_text().startswith(f"{os.getpid()} ")


@pytest.mark.parametrize("host", ["gpu-worker-01", "h" * 64])
def test_what_postgresql_keeps_of_a_holder_has_its_process_and_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 4194304)
    monkeypatch.setattr("socket.gethostname", lambda: host)
    monkeypatch.setattr("time.time", lambda: 1764504000.5)
    kept = f"tuner: {_holder()}"[:63]
    monkeypatch.setattr("tuner.runs.lock.url_of", str)
    monkeypatch.setattr("tuner.runs.lock._holder_in_database", lambda *_: kept)
    holder = holder_of(tmp_path, "postgresql://server/searches")
    assert holder is not None
    assert (holder.process, holder.started) == (4194304, "2025-11-30T12:00:00+00:00")
    assert host.startswith(holder.host)
    assert len(holder.host) >= 13


@pytest.mark.parametrize("text", ["", "another program", "process 7 on host, started 2026-11-30T12:"])
def test_a_text_of_another_program_names_no_holder(tmp_path: Path, text: str) -> None:
    (tmp_path / "driver.lock").write_text(text)
    assert holder_of(tmp_path, "") is None


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
    ("number", "is_held"),
    [(errno.EACCES, True), (errno.EAGAIN, True), (errno.ENOLCK, False), (errno.ENOTSUP, False)],
)
def test_a_system_that_refuses_a_lock_says_whether_another_driver_holds_it(
    tmp_path: Path, number: int, is_held: bool
) -> None:
    def flock(file: object, operation: int) -> None:
        del file, operation
        raise OSError(number, os.strerror(number))

    with raises_about(UsageError, tmp_path.name if is_held else tmp_path) as caught, only_driver(tmp_path, flock):
        pass
    assert (os.strerror(number) in str(caught.value)) is not is_held
    assert is_driven(tmp_path, "", flock) is is_held


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EISDIR])
def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "search"
    if number == errno.EISDIR:
        (folder / "driver.lock").mkdir(parents=True)
    with raises_about(UsageError, folder / "driver.lock") as caught, only_driver(folder):
        pass
    assert os.strerror(number) in str(caught.value)


def test_a_holder_that_cannot_be_written_down_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "driver.lock"
    with full_disk(), raises_about(UsageError, path) as caught, only_driver(tmp_path):
        pass
    assert os.strerror(errno.EFBIG) in str(caught.value)
    with path.open() as read_only, raises_about(UsageError, path):
        _write_holder(path, read_only.fileno())


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_driver(tmp_path):
        raise ZeroDivisionError
    with only_driver(tmp_path):
        pass
