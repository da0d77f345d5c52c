"""A confirmation as a user meets it: a chosen trial, trained again and attacked on the test set."""

import json
import shutil
from pathlib import Path

import pytest
from driver_process import TINY, mlflow_runs, run, trials_of, tuner

from tuner.ledger import Outcome
from tuner.runs.folder import SearchFolder

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = ("confirm", "chosen", "--trial", "0", "--suite", "quick", "--images", "30")


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("confirm") / "runs"
    words = ["--space", str(TINY), "--name", "chosen", "--trials", "2", "--epochs", "3", "--concurrency", "1"]
    # Trials are evaluated only at the rung and at the end, unlike those of the confirmation. The first is not stopped.
    for setting in ("eval_every=3", "early_stopping.grace_epochs=2", "early_stopping.reduction_factor=2"):
        words += ["--set", setting]
    assert run(folder, *words).code == 0
    evaluated = ["pgd_accuracy" in report.metrics for report in trials_of(folder, "chosen")[0].reports]
    assert evaluated == [False, True, True]
    return folder


def test_a_trial_is_confirmed_with_seeds_of_its_own(runs_dir: Path) -> None:
    printed = tuner(runs_dir, *QUICK, "--seeds", "2")
    assert all(fact in printed for fact in ("chosen", "quick", "PGD-20"))
    trials = trials_of(runs_dir, "chosen-confirm")
    assert [trial.outcome for trial in trials] == [Outcome.COMPLETED, Outcome.COMPLETED]
    assert [trial.parameters["seed"] for trial in trials] == [4, 5], "the search's own is 3"
    stored = json.loads((runs_dir / "chosen-confirm" / "confirmation.json").read_text())
    (row,) = stored["rows"]
    assert (row["trial"], row["seeds"]) == (0, 2)
    assert row["means"]["Worst over attacks"] <= row["means"]["PGD-20"] <= row["means"]["Natural"]
    parents, children = mlflow_runs(runs_dir, "tiny", "chosen-confirm")
    assert [parent.data.tags["tuner.confirms"] for parent in parents] == ["chosen"]
    assert "chosen-confirm" in (runs_dir / "chosen" / "front.html").read_text("utf-8"), "written anew"
    for trial in trials:
        (child,) = children[trial.number]
        assert child.data.metrics["test/PGD-20"] == trial.last_metrics["test/PGD-20"]


def test_an_attack_of_the_user_travels_with_the_confirmation(runs_dir: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "own_attack.py", tmp_path)
    words = ("confirm", "chosen", "--trial", "0", "--no-retrain", "--name", "mine", "--images", "30")
    printed = tuner(runs_dir, *words, "--attacks", "own_attack:SignFlip(steps=20, side=2)", folder=tmp_path)
    assert f"own_attack from {tmp_path / 'own_attack.py'}" in printed
    (trial,) = trials_of(runs_dir, "mine")
    own = trial.last_metrics["test/own_attackSignFlipsteps20 side2"]
    assert trial.last_metrics["test/Worst over attacks"] <= own <= trial.last_metrics["test/Natural"]
    (recorded,) = SearchFolder(runs_dir / "mine").frozen()["plug_ins"]
    assert recorded == "own_attack"
    with (tmp_path / "own_attack.py").open("a") as file:
        file.write("# changed\n")
    refused = run(runs_dir, "--resume", "mine", folder=tmp_path)
    assert (refused.code, "own_attack.py" in refused.output) == (2, True)


def test_the_weights_of_the_search_itself_are_measured(runs_dir: Path) -> None:
    tuner(runs_dir, *QUICK, "--no-retrain", "--name", "own")
    (trial,) = trials_of(runs_dir, "own")
    trained = trials_of(runs_dir, "chosen")[0]
    assert trial.parameters == trained.parameters
    assert trial.last_metrics["loss/total"] == trained.last_metrics["loss/total"], "not trained any further"
    assert "test/APGD-T" in trial.last_metrics
