"""A signal that comes before the first trial: the command ends in order, and may be repeated."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from driver_process import TINY, own_environment, run, start, trials_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Stands for the moments in which Ray has set its own answers to signals and the driver not yet its own again.
CONNECTED = """
import os, signal
from tuner.engine import cluster
from tuner.engine.signals import handled_by, interrupt

set_up = cluster.own_sigterm_handler

def signalled():
    from ray._private import worker
    connect = worker.connect
    def connect_and_signal(*arguments, **options):
        connected = connect(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return connected
    worker.connect = connect_and_signal
    return set_up()

cluster.own_sigterm_handler = signalled
with handled_by(interrupt):
    try:
        cluster.connect(None)
    except KeyboardInterrupt:
        print("in order")
    finally:
        cluster.disconnect()
"""


def wait_for_handler(process: int) -> None:
    """Wait until a process has an answer to SIGTERM of its own: before that it is Python's start, and ends with it."""
    while True:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
        caught = int(next(line for line in lines if line.startswith("SigCgt:")).split()[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def test_a_driver_that_is_stopped_while_it_starts_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """From the first imports over the start of Ray, which aborts when it is left, to the first trial."""
    runs_dir = tmp_path / "runs"
    words = ("--space", str(TINY), "--resume-or-start", "--name", "early", "--trials", "1")
    for number, seconds in ((signal.SIGTERM, 0.0), (signal.SIGTERM, 1.0), (signal.SIGINT, 2.5), (signal.SIGTERM, 4.5)):
        process = start(runs_dir, *words)
        wait_for_handler(process.pid)
        time.sleep(seconds)
        process.send_signal(number)
        output, _ = process.communicate()
        assert process.returncode == 130, output
        assert "Interrupted." in output
        assert "Traceback" not in output
    finished = run(runs_dir, *words)
    assert finished.code == 0, finished.output
    assert len(trials_of(runs_dir, "early")) == 1


def test_a_signal_while_ray_connects_is_not_answered_by_ray() -> None:
    """Whose answer is a stack on standard error, and an abort where the driver is not gone three seconds later."""
    words = [sys.executable, "-c", CONNECTED]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, env=own_environment())
    assert (ended.returncode, ended.stdout) == (0, "in order\n"), ended.stderr
    assert "SIGTERM" not in ended.stderr
