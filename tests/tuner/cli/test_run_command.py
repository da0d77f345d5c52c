"""`tuner run`."""

from pathlib import Path

import pytest
from simulated_search import SEARCH
from typed_commands import Tuner, labelled

from tuner.cli.run import with_resume_value
from tuner.ledger import SqlLedger
from tuner.space import load_space

SHIPPED = ["digits_tradeoff", "mnist_tradeoff", "cifar10_tradeoff", "cifar100_tradeoff"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dry_run_of_each_shipped_space_shows_all_and_writes_nothing(tuner: Tuner, runs_dir: Path, name: str) -> None:
    answer = tuner("run", "--space", name, "--dry-run")
    assert (answer.code, answer.err) == (0, "")
    space = load_space(name)
    shown = labelled(answer.out)
    assert f"Would start {name}-1" in shown
    assert f" {space.search.trials * space.epochs} epochs" in shown["Cost"]
    assert str(space.early_stopping.grace_epochs) in shown["Rungs"]
    forecast = space.early_stopping.scheduler == "forecast"
    assert (f"about {space.search.trials} trials" in shown["Rungs"]) is not forecast
    for parameter in space.parameters:
        assert f"  {parameter} " in answer.out
    assert shown["Files"] == f"{runs_dir}/{name}-1"
    assert not runs_dir.exists()


def test_a_dry_run_takes_flags(tuner: Tuner, runs_dir: Path, tmp_path: Path) -> None:
    command = (
        "run --space digits_tradeoff --dry-run --trials 2 --epochs 1 --seed 5 --name mine --set train_fraction=0.5"
    )
    answer = tuner(*command.split(), "--data-root", "pictures", "--tracking-uri", "http://host:5000")
    shown = labelled(answer.out)
    assert "2 trials of 1" in shown["Cost"]
    assert "Parameters (motpe, seed 5)" in shown
    assert (shown["Files"], shown["MLflow"]) == (f"{runs_dir}/mine", "http://host:5000")
    assert f"{tmp_path}/pictures" in shown["Data"]


def test_a_dry_run_reads_the_data_before_it_prints(tuner: Tuner, tmp_path: Path) -> None:
    (tmp_path / "train" / "ant").mkdir(parents=True)
    answer = tuner("run", "--space", "mnist_tradeoff", "--dry-run", "--data-root", str(tmp_path))
    assert (answer.code, answer.out) == (2, "")
    assert str(tmp_path / "train") in answer.err


def test_a_retried_job_starts_a_search_or_continues_it(tuner: Tuner, finished: SqlLedger, small_file: str) -> None:
    del finished
    words = ("run", "--dry-run", "--resume-or-start")
    assert "Would start new" in labelled(tuner(*words, "--name", "new", "--space", small_file).out)
    assert f"Would resume {SEARCH}" in labelled(tuner(*words, "--name", SEARCH).out)
    refused = tuner(*words, "--space", small_file)
    assert refused.code == 2
    assert all(option in refused.err for option in ("--resume-or-start", "--name"))


def test_a_dry_run_of_a_resumption(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    before = sorted(runs_dir.rglob("*"))
    answer = tuner("run", "--resume", SEARCH, "--trials", "20", "--dry-run")
    assert f"Would resume {SEARCH}" in labelled(answer.out)
    assert "5 trials have ended, 0 continue" in answer.out
    assert sorted(runs_dir.rglob("*")) == before
    assert finished.facts()["space"]["search"]["trials"] == 5


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        (["--resume"], ["--resume="]),
        (["--resume", "--trials", "3"], ["--resume=", "--trials", "3"]),
        (["--resume", "a", "--trials", "3"], ["--resume", "a", "--trials", "3"]),
        (["--resume=a"], ["--resume=a"]),
        (["--space", "x"], ["--space", "x"]),
        ([], []),
    ],
)
def test_resume_needs_no_name(given: list[str], completed: list[str]) -> None:
    assert with_resume_value(given) == completed
