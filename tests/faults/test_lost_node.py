"""Ray's node or head dies below the driver: the command ends by itself and says how to continue."""

import os
import signal
from pathlib import Path

import pytest
from driver_process import TINY, run, start, trials_of, wait_for_reports

from benchmarks.chaos.victims import Victim, find
from tuner.engine.session_interface import NodeLostError
from tuner.ledger import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def last_words(runs_dir: Path, name: str, victim: Victim) -> str:
    """Kill a part of Ray below a search that trains; return what the command prints until it ends by itself."""
    # Ray needs about twenty seconds to notice. There must be more trials than can be trained until then.
    process = start(runs_dir, "--space", str(TINY), "--name", name, "--trials", "400", "--concurrency", "1")
    wait_for_reports(runs_dir, name, 2, process)
    (found,) = find(process.pid, victim)
    os.kill(found, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert f"tuner run --resume {name}" in output
    return output


def test_a_killed_raylet_ends_the_command_and_the_search_goes_on(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    assert str(NodeLostError()) in last_words(runs_dir, "lost", Victim.RAYLET)
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
    assert "GCS" in last_words(tmp_path / "runs", "headless", Victim.HEAD)
