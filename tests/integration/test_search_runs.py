"""A whole search as a user runs it, and what the ledger, MLflow and the folder hold afterwards."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from driver_process import TINY, Finished, mlflow_runs, run, trials_of, tuner

from tuner.ledger import Outcome, trial_name


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search") / "runs"


@pytest.fixture(scope="module")
def finished(runs_dir: Path) -> Finished:
    return run(runs_dir, "--space", str(TINY), "--name", "whole")


def test_it_ends_with_zero_and_says_what_is_next(finished: Finished) -> None:
    assert finished.code == 0, finished.output
    assert "tuner front whole" in finished.output


@pytest.mark.usefixtures("finished")
def test_every_trial_ended_once_and_some_were_stopped(runs_dir: Path) -> None:
    trials = trials_of(runs_dir, "whole")
    assert [trial.number for trial in trials] == list(range(8))
    assert {trial.outcome for trial in trials} == {Outcome.COMPLETED, Outcome.STOPPED}
    assert sum(trial.epochs_trained for trial in trials) < 8 * 4
    assert all(trial.epochs_trained == 4 for trial in trials if trial.outcome is Outcome.COMPLETED)


@pytest.mark.usefixtures("finished")
def test_show_and_mlflow_agree_on_every_trial(runs_dir: Path) -> None:
    shown = json.loads(tuner(runs_dir, "show", "whole", "--format", "json"))
    parents, children = mlflow_runs(runs_dir, "tiny", "whole")
    assert [parent.info.status for parent in parents] == ["FINISHED"]
    assert sorted(children) == [trial["trial"] for trial in shown["trials"]]
    for trial in shown["trials"]:
        (child,) = children[trial["trial"]]
        assert child.info.run_name == trial["name"]
        assert child.data.tags["outcome"] == trial["outcome"]
        assert child.data.metrics["epochs_trained"] == trial["epochs_trained"]
        for key, value in trial["parameters"].items():
            assert child.data.params[key] == str(value)
        final = {k.removeprefix("final/"): v for k, v in child.data.metrics.items() if k.startswith("final/")}
        assert final == (trial["final"] or {})


@pytest.mark.usefixtures("finished")
def test_mlflow_lists_exactly_the_front(runs_dir: Path) -> None:
    rows = json.loads(tuner(runs_dir, "front", "whole", "--format", "json"))
    _, children = mlflow_runs(runs_dir, "tiny", "whole")
    tagged = {number for number, (child,) in children.items() if child.data.tags.get("pareto") == "front"}
    assert tagged == {row["trial"] for row in rows}


@pytest.mark.usefixtures("finished")
def test_the_folder_holds_the_front_and_the_space(runs_dir: Path) -> None:
    names = {path.name for path in (runs_dir / "whole").iterdir()}
    assert {"front.csv", "front.html", "front.json", "front.png", "ledger.db", "space.yaml"} <= names


@pytest.mark.usefixtures("finished")
def test_of_an_ended_trial_the_last_checkpoint_stays(runs_dir: Path) -> None:
    for trial in trials_of(runs_dir, "whole"):
        kept = (runs_dir / "whole").glob(f"ray/session-*/{trial_name(trial.number)}/checkpoint_*")
        assert [str(path.relative_to(runs_dir / "whole")) for path in kept] == [trial.reports[-1].checkpoint]


def test_what_a_retry_cannot_mend_is_recorded_and_the_search_goes_on(runs_dir: Path) -> None:
    """A learning rate of 1e30 diverges at once."""
    overrides = [
        "parameters.learning_rate={type: categorical, choices: [0.05, 1.0e+30]}",
        "search.start_points=[{learning_rate: 1.0e+30, alpha: 0.5}, {learning_rate: 0.05}]",
        "search.max_failures=1",
    ]
    flags = ["--name", "faulty", "--trials", "2", "--epochs", "1", *_set(overrides)]
    ended = run(runs_dir, "--space", str(_without_fixed(runs_dir, "learning_rate:")), *flags)
    assert ended.code == 0, ended.output
    diverged, good = trials_of(runs_dir, "faulty")
    assert [t.outcome for t in (diverged, good)] == [Outcome.FAILED, Outcome.COMPLETED]
    assert "epoch 1" in (diverged.error or "")
    assert "crashed" not in ended.output, "it was not tried again"
    _, children = mlflow_runs(runs_dir, "tiny", "faulty")
    assert [children[number][0].info.status for number in (0, 1)] == ["FAILED", "FINISHED"]


def test_an_architecture_that_cannot_read_the_images_is_refused_before_the_first_trial(runs_dir: Path) -> None:
    """cnn4 cannot read 8x8 images."""
    choices = ["parameters.architecture={type: categorical, choices: [digits_cnn, cnn4]}"]
    space = _without_fixed(runs_dir, "architecture:")
    ended = run(runs_dir, "--space", str(space), "--name", "refused", *_set(choices))
    assert ended.code == 2, ended.output
    assert "tiny: parameters.architecture: " in ended.output
    assert not (runs_dir / "refused").exists()


def _set(overrides: Sequence[str]) -> list[str]:
    return [argument for override in overrides for argument in ("--set", override)]


def _without_fixed(runs_dir: Path, key: str) -> Path:
    """Write the tiny space without one of its fixed settings, and return the path."""
    path = runs_dir.parent / "faulty.yaml"
    lines = TINY.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith(key)), encoding="utf-8")
    return path
