"""A signal that comes before the first trial: the command ends cleanly, and can be run again."""

import signal
import time
from pathlib import Path

import pytest
from driver_process import TINY, ended, run, start, trials_of

from tuner.driver.progress.summary import REASONS
from tuner.engine.session_interface import Ending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Stands for the moments in which Ray has set its own signal handlers and the driver has not yet restored its own.
CONNECTED = """
import os, signal
from tuner.engine import cluster
from tuner.engine.signals import handle_signals, interrupt

cluster.set_environment()
# Ray reads these when it is imported, here before the driver would set them.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
from ray._private import worker

connect = worker.connect

def connect_and_signal(*arguments, **options):
    connected = connect(*arguments, **options)
    os.kill(os.getpid(), signal.SIGTERM)
    return connected

worker.connect = connect_and_signal
with handle_signals(interrupt):
    try:
        cluster.connect(None)
    except KeyboardInterrupt:
        print("in order")
    finally:
        cluster.disconnect()
"""


def wait_for_handler(process: int) -> None:
    """Wait until a process has its own handler for SIGTERM: before that Python still starts, and the signal ends it."""
    while True:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
        caught = int(next(line for line in lines if line.startswith("SigCgt:")).split()[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def test_a_driver_that_is_stopped_while_it_starts_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """The signals come from the first imports to the first trial, also while Ray starts, which would abort."""
    runs_dir = tmp_path / "runs"
    words = ("--space", str(TINY), "--resume-or-start", "--name", "early", "--trials", "1")
    for number, seconds in ((signal.SIGTERM, 0.0), (signal.SIGTERM, 1.0), (signal.SIGINT, 2.5), (signal.SIGTERM, 4.5)):
        process = start(runs_dir, *words)
        wait_for_handler(process.pid)
        time.sleep(seconds)
        process.send_signal(number)
        output, _ = process.communicate()
        assert process.returncode == 130, output
        assert REASONS[Ending.INTERRUPTED] in output
        assert "Traceback" not in output
    finished = run(runs_dir, *words)
    assert finished.code == 0, finished.output
    assert len(trials_of(runs_dir, "early")) == 1


def test_a_signal_while_ray_connects_is_not_answered_by_ray() -> None:
    """Ray would print a stack on standard error, and abort if the driver has not ended three seconds later."""
    done = ended(["-c", CONNECTED], Path.cwd())
    assert done.code == 0, done.output
    assert done.output.startswith("in order\n"), done.output
    assert "SIGTERM" not in done.output
