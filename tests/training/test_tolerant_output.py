import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXTS = "◆ 0.85 ± 0.02 … → ✗ café 日本 \udcff"
PRINTS = f"""
import sys
from training.tolerant_output import tolerate_lost_output
tolerate_lost_output()
print({TEXTS!r})
sys.stdin and sys.stdin.readline()
for number in range(20_000):
    print("line", number)
print("error", file=sys.stderr)
sys.exit(7)
"""
Process = subprocess.Popen[bytes]


def _start(**streams: object) -> Process:
    defaults = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", PRINTS], **{**defaults, **streams})  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "◆ 0.85 ± 0.02 … → ✗ café 日本 \\udcff"),
        ("latin-1", "* 0.85 ± 0.02 ... -> x café \\u65e5\\u672c \\udcff"),
        ("cp1252", "* 0.85 ± 0.02 … -> x café \\u65e5\\u672c \\udcff"),
        ("ascii", "* 0.85 +/- 0.02 ... -> x caf\\xe9 \\u65e5\\u672c \\udcff"),
    ],
)
def test_every_character_has_a_fallback(encoding: str, expected: str) -> None:
    with _start(env={**os.environ, "PYTHONIOENCODING": encoding}) as process:
        out, errors = process.communicate()
    assert (process.returncode, errors) == (7, b"error\n")
    assert out.decode(encoding).splitlines()[0] == expected


def test_a_reader_that_goes_away_decides_nothing() -> None:
    with _start(stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"go on\n")
        process.stdin.close()
        assert process.stderr.read() == b"error\n"
    assert process.returncode == 7


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_below_the_output_decides_nothing() -> None:
    with Path("/dev/full").open("wb") as full, _start(stdout=full, stderr=full) as process:
        pass
    assert process.returncode == 7


def test_closed_streams_decide_nothing() -> None:
    command = [sys.executable, "-c", PRINTS]
    done = subprocess.run(["sh", "-c", '"$@" >&- 2>&- <&-', "sh", *command], check=False)
    assert done.returncode == 7


def test_a_pipe_that_does_not_block_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with _start(stdout=writing) as process, os.fdopen(reading, "rb") as reader:
        os.close(writing)
        lines = reader.read().splitlines()
    assert (process.returncode, len(lines), lines[-1]) == (7, 20_001, b"line 19999")
