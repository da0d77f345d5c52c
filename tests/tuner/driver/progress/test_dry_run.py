"""What a dry run shows of a plan."""

import re
from pathlib import Path

import pytest
from screen import SPACE, Screen, good, numbers, plan
from simulated_search import MakeLedger, small_space

from training.data import DataError
from tuner.driver.progress.dry_run import print_plan
from tuner.driver.progress.summary import print_opening
from tuner.ledger import default_ledger_url
from tuner.search import Search


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def form(lines: list[str]) -> dict[str, str]:
    """Return the values of a printed plan by their labels."""
    return {label: value.strip() for label, _, value in (line.partition(":") for line in lines)}


def test_a_dry_run_shows_parameters_rungs_cost_and_paths(runs_dir: Path) -> None:
    screen = Screen(width=20)
    print_plan(screen.console, plan(runs_dir))
    assert screen.lines[0].split()[-1] == "small-1:"
    assert [line.split()[0] for line in screen.lines[2:5]] == list(SPACE.parameters)
    assert [numbers(line) for line in screen.lines[2:5]] == [[0, 1], [0.01, 10], [8, 16, 32]]
    shown = form(screen.lines)
    assert shown["Parameters (motpe, seed 3)"] == ""
    assert shown["  first"] == "alpha=0.5, lambda=4, bottleneck=16"
    assert numbers(shown["Rungs"]) == [1, 4, 3, 1, 9, 1, 1, 3], "epochs, their trials, and one of three continues"
    assert numbers(shown["Cost"]) == [36, 4, 9]
    assert numbers(shown["Resources"])[:2] == [1, 0]
    assert shown["Files"] == f"{runs_dir}/small-1"
    assert shown["Ledger"] == "sqlite:////runs/small-1/ledger.db"
    assert shown["MLflow"] == "sqlite:////runs/mlflow.db"
    assert shown["Data"] == "digits in /data"


@pytest.mark.parametrize(
    ("early_stopping", "shown"), [({"scheduler": "none"}, []), ({"grace_epochs": 9}, ["grace_epochs", "9", "9"])]
)
def test_a_dry_run_says_why_there_is_no_early_stopping(
    runs_dir: Path, early_stopping: dict[str, object], shown: list[str]
) -> None:
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, space=small_space(early_stopping=early_stopping)))
    assert re.findall(r"grace_epochs|\d+", form(screen.lines)["Rungs"]) == shown


def test_a_dry_run_says_what_to_do_without_enough_gpus(runs_dir: Path) -> None:
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, space=small_space(resources={"gpus_per_trial": 64})))
    resources = form(screen.lines)["Resources"]
    assert all(way in resources for way in ("--address", "--gpus-per-trial 0"))


def test_a_dry_run_of_a_resumption_says_what_is_kept(search: Search, runs_dir: Path) -> None:
    for epoch in (1, 2):
        if epoch == 1:
            search.next_assignment()
        search.report(0, epoch, good(0.9), None)
    search.next_assignment()
    search.report(1, 1, good(0.1), None)
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, is_resume=True, ledger_url=default_ledger_url(runs_dir / "small-1")))
    assert "resume" in screen.lines[0]
    assert numbers(form(screen.lines)["Cost"]) == [36, 4, 9, 3, 1, 1], "trained epochs, trials that ended and go on"


def test_data_that_nobody_downloads_must_be_there(runs_dir: Path) -> None:
    space = small_space(trial={"dataset": "folder", "data_root": str(runs_dir / "nowhere")})
    with pytest.raises(DataError):
        print_plan(Screen().console, plan(runs_dir, space=space))


def test_no_password_is_shown(runs_dir: Path) -> None:
    secret = {"ledger_url": "postgresql://me:SECRET@host/db", "tracking_uri": "http://me:SECRET@host:5000"}
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, **secret))
    print_opening(screen.console, plan(runs_dir, **secret), [])
    assert "postgresql://me:***@host/db" in screen.text
    assert "SECRET" not in screen.text
