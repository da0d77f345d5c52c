"""Trials whose process is killed with SIGKILL during training: Ray retries them or gives them up."""

from pathlib import Path

import pytest
from driver_process import TINY, Finished, ended, mlflow_runs, trials_of

from tuner.ledger import Outcome

pytestmark = pytest.mark.slow

_DYING = Path(__file__).parent / "dying_trials.py"


def _run(folder: Path, times: int, *arguments: str) -> Finished:
    """Run three short trials one after the other; the process of trial 1 is killed in its third epoch."""
    dying = [str(_DYING), str(folder), "1", "3", str(times), "--space", str(TINY), "--runs-dir", str(folder / "runs")]
    settings = ["--trials", "3", "--concurrency", "1", "--set", "early_stopping.scheduler=none", *arguments]
    return ended([*dying, *settings], folder, PYTHONPATH=str(Path(__file__).parents[2]))


def _begun(folder: Path, number: int) -> list[int]:
    lines = (folder / "epochs").read_text(encoding="utf-8").splitlines()
    return [int(epoch) for trial, epoch in map(str.split, lines) if int(trial) == number]


def test_a_killed_trial_is_retried_from_its_checkpoint_and_completes(tmp_path: Path) -> None:
    done = _run(tmp_path, 2)
    assert done.code == 0, done.output
    assert done.output.count("trial 1 crashed") == 2
    trials = trials_of(tmp_path / "runs", "tiny-1")
    assert [trial.outcome for trial in trials] == [Outcome.COMPLETED] * 3
    assert [[report.epoch for report in trial.reports] for trial in trials] == [[1, 2, 3, 4]] * 3
    assert _begun(tmp_path, 1) == [1, 2, 3, 3, 3, 4], "only the interrupted epoch is trained again"


def test_a_killed_trial_without_retries_fails_with_its_message_and_the_search_goes_on(tmp_path: Path) -> None:
    done = _run(tmp_path, 1, "--set", "search.max_failures=0")
    assert done.code == 0, done.output
    trials = trials_of(tmp_path / "runs", "tiny-1")
    assert [trial.outcome for trial in trials] == [Outcome.COMPLETED, Outcome.FAILED, Outcome.COMPLETED]
    assert trials[1].epochs_trained == 2
    assert "died" in (trials[1].error or "")
    assert _begun(tmp_path, 1) == [1, 2, 3]
    _, children = mlflow_runs(tmp_path / "runs", "tiny", "tiny-1")
    assert [children[number][0].info.status for number in range(3)] == ["FINISHED", "FAILED", "FINISHED"]
    assert "died" in children[1][0].data.tags["error"]
