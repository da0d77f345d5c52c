"""A search that is interrupted, killed and extended gives the same trials as an undisturbed one."""

import os
import signal
from pathlib import Path

import pytest
from driver_process import TINY, let_begin, mlflow_runs, run, start, start_held, trials_of, wait_for_reports

from benchmarks.chaos.checks import essence
from tuner.ledger import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_ONE_AT_A_TIME = ("--concurrency", "1")


def test_interruptions_change_nothing(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    # Both searches run at the same time: each needs one core only.
    alone = tmp_path / "alone"
    undisturbed = start(alone, "--space", str(TINY), "--name", "undisturbed", "--trials", "9", *_ONE_AT_A_TIME)
    hold = tmp_path / "hold"
    let_begin(hold, 3)
    process = start_held(hold, runs_dir, "--space", str(TINY), "--name", "disturbed", *_ONE_AT_A_TIME)
    wait_for_reports(runs_dir, "disturbed", 3, process)
    process.send_signal(signal.SIGINT)
    hold.unlink()
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "tuner run --resume disturbed" in output

    let_begin(hold, 9 - sum(trial.epochs_trained for trial in trials_of(runs_dir, "disturbed")))
    process = start_held(hold, runs_dir, "--resume", "disturbed", *_ONE_AT_A_TIME)
    wait_for_reports(runs_dir, "disturbed", 9, process)
    process.kill()
    hold.unlink()
    process.communicate()

    resumed = run(runs_dir, "--resume=", *_ONE_AT_A_TIME)
    assert resumed.code == 0, resumed.output
    extended = run(runs_dir, "--resume", "disturbed", "--trials", "9", *_ONE_AT_A_TIME)
    assert extended.code == 0, extended.output

    output, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, output
    assert essence(trials_of(runs_dir, "disturbed")) == essence(trials_of(alone, "undisturbed"))
    parents, children = mlflow_runs(runs_dir, "tiny", "disturbed")
    assert len(parents) == 1
    assert {number: len(found) for number, found in children.items()} == dict.fromkeys(range(9), 1)
    for trial in trials_of(runs_dir, "disturbed"):
        assert children[trial.number][0].data.metrics["epochs_trained"] == trial.epochs_trained


def test_a_damaged_checkpoint_costs_epochs_and_no_trial(tmp_path: Path) -> None:
    """Two trials at once; SIGTERM reaches Ray's processes as well, as Slurm and `timeout` send it."""
    runs_dir = tmp_path / "runs"
    hold = tmp_path / "hold"
    let_begin(hold, 4)
    process = start_held(hold, runs_dir, "--space", str(TINY), "--name", "damaged", "--trials", "4")
    wait_for_reports(runs_dir, "damaged", 4, process)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "tuner run --resume damaged" in output
    running = [trial for trial in trials_of(runs_dir, "damaged") if trial.outcome is Outcome.RUNNING]
    for trial in running:
        for report in trial.reports[-1:]:
            (runs_dir / "damaged" / str(report.checkpoint) / "checkpoint.pt").write_bytes(b"damaged")

    resumed = run(runs_dir, "--resume", "damaged")
    assert resumed.code == 0, resumed.output
    trials = trials_of(runs_dir, "damaged")
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert {trial.outcome for trial in trials} <= {Outcome.COMPLETED, Outcome.STOPPED}
    for trial in trials:
        assert [report.epoch for report in trial.reports] == list(range(1, trial.epochs_trained + 1))
