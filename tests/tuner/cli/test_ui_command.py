"""`tuner ui`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typed_commands import Tuner

from tuner.cli.ui import serve, server_command
from tuner.ledger import SqlLedger
from tuner.live.server import listen

# A server with a child, both of which ignore SIGTERM and say that they run.
STUBBORN = """
import os, signal, subprocess, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 2:
    subprocess.Popen([sys.executable, "-c", Path(__file__).read_text(), sys.argv[1], "child"])
Path(sys.argv[1], "child" if len(sys.argv) == 3 else "server").write_text(str(os.getpid()))
time.sleep(600)
"""


def test_the_server_is_mlflows_own_on_the_searches_store() -> None:
    command = server_command("sqlite:////runs/mlflow.db", "/runs/mlartifacts", 5001)
    assert command[:4] == [sys.executable, "-m", "mlflow", "server"]
    assert {"sqlite:////runs/mlflow.db", "/runs/mlartifacts", "5001", "127.0.0.1"} < set(command)


def test_a_folder_without_a_store_is_refused(tuner: Tuner, runs_dir: Path) -> None:
    answer = tuner("ui")
    assert (answer.code, answer.out) == (2, "")
    assert str(runs_dir) in answer.err


def test_a_live_page_needs_a_search_and_a_free_port(tuner: Tuner, finished: SqlLedger) -> None:
    unknown = tuner("ui", "--live", "unknown")
    assert (unknown.code, unknown.out) == (2, "")
    assert "unknown" in unknown.err
    with listen(None) as taken:
        answer = tuner("ui", "--live", finished.search, "--port", str(taken.getsockname()[1]))
    assert (answer.code, answer.out) == (2, "")
    assert "--port" in answer.err


def test_a_server_that_ends_decides_the_exit_code() -> None:
    with pytest.raises(typer.Exit) as ended:
        serve([sys.executable, "-c", "raise SystemExit(3)"])
    assert ended.value.exit_code == 3


def test_a_signal_while_the_server_starts_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own `Popen` returns a while after the server runs; on a busy machine that takes long."""
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def slow(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **named))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", slow)
    serve([sys.executable, "-c", "import time; time.sleep(600)"])
    assert started[0].returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_and_its_children(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    (tmp_path / "server.py").write_text(STUBBORN)
    code = f"""
import os, threading, time
from pathlib import Path
while not (Path({str(tmp_path)!r}, "server").exists() and Path({str(tmp_path)!r}, "child").exists()):
    time.sleep(0.05)
os.kill({os.getpid()}, {number})
"""
    sender = subprocess.Popen([sys.executable, "-c", code])
    serve([sys.executable, str(tmp_path / "server.py"), str(tmp_path)])
    assert sender.wait() == 0
    assert capsys.readouterr().out.count("\n") == 1
    for name in ("server", "child"):
        process = int((tmp_path / name).read_text())
        while Path(f"/proc/{process}").exists() and "Z (zombie)" not in Path(f"/proc/{process}/status").read_text():
            time.sleep(0.05)
