"""A front of every evaluated epoch as a user meets it: really trained, exported and confirmed."""

import json
from pathlib import Path

import pytest
import torch
from driver_process import TINY, mlflow_runs, run, trials_of, tuner

from tuner.ledger import Outcome
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.kept_checkpoints import kept_checkpoints
from tuner.report.load import load_search

pytestmark = pytest.mark.slow
NAME = "epochs"


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("every_evaluation") / "runs"
    words = ["--space", str(TINY), "--name", NAME, "--trials", "2", "--concurrency", "1"]
    assert run(folder, *words, "--set", "search.candidates=every_evaluation").code == 0
    return folder


@pytest.fixture(scope="module")
def point(runs_dir: Path) -> CompletedTrial:
    """The point of the front that was trained for the fewest epochs."""
    return min(load_search(runs_dir, NAME).data.front, key=lambda point: point.trained)


def test_each_point_has_its_weights_and_nothing_else_is_kept(runs_dir: Path) -> None:
    search = load_search(runs_dir, NAME)
    needed = set().union(*(kept_checkpoints(trial, search.space) for trial in search.trials))
    stored = {str(path.parent.relative_to(runs_dir / NAME)): path for path in runs_dir.glob(f"{NAME}/**/checkpoint.pt")}
    assert set(stored) == needed
    reports = {(trial.number, report.epoch): report for trial in search.trials for report in trial.reports}
    assert search.data.front
    for point in search.data.front:
        report = reports[point.number, point.trained]
        saved = torch.load(stored[str(report.checkpoint)], weights_only=True)["state"]
        assert saved["epoch"] == point.epoch
        assert saved["history"][-1]["pgd_accuracy"] == report.metrics["pgd_accuracy"]
    _, children = mlflow_runs(runs_dir, "tiny", NAME)
    tags = {number: run.data.tags.get("front_epochs", "") for number, (run,) in children.items()}
    expected = {number: ", ".join(map(str, epochs)) for number, epochs in search.data.front_epochs.items()}
    assert {number: epochs for number, epochs in tags.items() if epochs} == expected


def test_a_point_is_exported(runs_dir: Path, point: CompletedTrial, tmp_path: Path) -> None:
    tuner(runs_dir, "export", NAME, str(point.number), "--epoch", str(point.epoch), "--out", str(tmp_path / "model"))
    facts = json.loads((tmp_path / "model" / "model.json").read_text("utf-8"))
    assert (facts["trial"], facts["epoch_of_weights"]) == (point.number, point.epoch)


@pytest.mark.parametrize("retrain", [True, False])
def test_a_point_is_confirmed_at_its_epoch(runs_dir: Path, point: CompletedTrial, retrain: bool) -> None:
    name = f"again-{retrain}"
    words = ("--trial", str(point.number), "--epoch", str(point.epoch), "--suite", "quick", "--images", "30")
    tuner(runs_dir, "confirm", NAME, *words, "--seeds", "1", "--name", name, *([] if retrain else ["--no-retrain"]))
    (trial,) = trials_of(runs_dir, name)
    assert (trial.outcome, trial.epochs_trained) == (Outcome.COMPLETED, point.epoch)
    assert "test/PGD-20" in trial.last_metrics
    of_search = trials_of(runs_dir, NAME)[point.number].reports
    own = next(report.metrics for report in of_search if report.epoch == point.epoch)
    assert trial.last_metrics["learning_rate"] == own["learning_rate"], "on the schedules of the whole budget"
    assert (trial.last_metrics["loss/total"] == own["loss/total"]) is not retrain
    (row,) = json.loads((runs_dir / name / "confirmation.json").read_text("utf-8"))["rows"]
    assert (row["trial"], row["epoch"]) == (point.number, point.epoch)
    confirmed = [(found.trial, found.epoch) for found in load_search(runs_dir, NAME).data.confirmed]
    assert (point.number, point.epoch) in confirmed
