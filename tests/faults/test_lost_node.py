"""Ray's node or head dies below the driver: the command ends by itself, says how to go on; nothing is trained twice."""

import os
import signal
from pathlib import Path

import pytest
from driver_process import TINY, run, start, trials_of, wait_for_reports

from benchmarks.chaos.victims import Victim, find
from tuner.ledger import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_killed_raylet_ends_the_command_and_the_search_goes_on(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    # More trials than are trained until Ray has noticed, which takes it some twenty seconds.
    process = start(runs_dir, "--space", str(TINY), "--name", "lost", "--trials", "400", "--concurrency", "1")
    wait_for_reports(runs_dir, "lost", 2, process)
    (raylet,) = find(process.pid, Victim.RAYLET)
    os.kill(raylet, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert "Ray's node on this machine died" in output
    assert "python -m tuner.run --resume lost" in output
    before = trials_of(runs_dir, "lost")
    planned = str(len(before))
    resumed = run(runs_dir, "--resume", "lost", "--trials", planned, "--concurrency", "1")
    assert resumed.code == 0, resumed.output
    after = trials_of(runs_dir, "lost")
    assert [trial.number for trial in after] == [trial.number for trial in before]
    for earlier, later in zip(before, after, strict=True):
        assert later.outcome in {Outcome.COMPLETED, Outcome.STOPPED}
        kept = [(report.epoch, report.decision, report.metrics) for report in later.reports]
        assert kept[: len(earlier.reports)] == [(r.epoch, r.decision, r.metrics) for r in earlier.reports]


def test_a_killed_head_ends_the_command_before_ray_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "24")
    runs_dir = tmp_path / "runs"
    process = start(runs_dir, "--space", str(TINY), "--name", "headless", "--trials", "400", "--concurrency", "1")
    wait_for_reports(runs_dir, "headless", 2, process)
    (head,) = find(process.pid, Victim.HEAD)
    os.kill(head, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert "Ray's head (its GCS) has died" in output
    assert "python -m tuner.run --resume headless" in output
