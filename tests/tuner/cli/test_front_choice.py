"""`tuner front`: the options that choose trials, and the comparison of fronts."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, small_space
from typed_commands import Tuner

from tuner.cli import app
from tuner.cli.front_choice import FrontChoice
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.report.analysis.front_data import front_data
from tuner.search import Search

SPACE = small_space(
    early_stopping={"scheduler": "none"},
    trial={"epochs": 1, "train_fraction": 0.2, "attack_steps": 1, "eval_attack_steps": 1},
)
# On the front 0, 1 and 2, of which 1 is the knee.
ACCURACIES = [(0.9, 0.1), (0.88, 0.5), (0.5, 0.6), (0.4, 0.4)]


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    """A search with a front."""
    ledger = make_ledger(SPACE)
    search = Search(SPACE, ledger)
    for number, (natural, pgd) in enumerate(ACCURACIES):
        search.next_assignment()
        search.report(number, 1, {"natural_accuracy": natural, "pgd_accuracy": pgd}, None)
    search.next_assignment()
    return ledger


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ("", [0, 1, 2]),
        ("--min pgd_accuracy=0.5", [1, 2]),
        ("--min pgd_accuracy=1/2", [1, 2]),
        ("--min pgd_accuracy=0.5 --min natural_accuracy=0.88", [1]),
        ("--min pgd_accuracy=0.99", []),
        ("--knee", [1]),
        ("--max-loss 0.02", [1]),
        ("--max-loss 0.5", [2]),
        ("--trial 3", [3]),
        ("--trial 9", []),
        ("--trial 4", []),
        ("--min pgd_accuracy=0.6 --knee", []),
    ],
)
def test_the_front_is_narrowed_and_says_why(tuner: Tuner, options: str, chosen: list[int]) -> None:
    answer = tuner("front", SEARCH, "--format", "json", *options.split())
    assert answer.code == (0 if chosen else 1)
    assert [row["trial"] for row in json.loads(answer.out)] == chosen
    assert bool(answer.err) == bool(options)
    rows = tuner("front", SEARCH, "--format", "csv", *options.split()).out.splitlines()
    assert [int(row["trial"]) for row in csv.DictReader(rows)] == chosen
    table = tuner("front", SEARCH, *options.split())
    assert table.code == (0 if chosen else 1)
    for reason in answer.err.splitlines():
        assert reason in table.out
    assert (f"tuner export {SEARCH} {chosen[0] if chosen else ''}" in table.out) == (bool(options) and len(chosen) == 1)


@pytest.mark.usefixtures("ledger", "tuner")
@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ("--knee --max-loss 0.1", ("--knee", "--max-loss")),
        ("--knee --trial 1", ("--knee", "--trial")),
        ("--trial 1 --min pgd_accuracy=0.1", ("--min", "--trial")),
        ("--min pgd_accuracy=0.1 --min pgd_accuracy=0.2", "--min"),
        ("--max-loss 1", "--max-loss"),
        ("--max-loss -0.1", "--max-loss"),
        ("--max-loss nan", "--max-loss"),
        ("--out compare.html", "--out"),
        ("--by depth", ("--by", "depth")),
        ("--by bottleneck --knee", ("--knee",)),
        ("--by bottleneck --out front.pdf", ("--out", ".pdf")),
    ],
)
def test_a_choice_or_comparison_that_cannot_be_made_is_refused_before_anything_is_shown(
    capsys: pytest.CaptureFixture[str], options: str, subject: object
) -> None:
    with raises_about(UsageError, subject):
        app(["front", SEARCH, *options.split()])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("minimum", "way"),
    [
        ("accuracy=0.5", "natural_accuracy, pgd_accuracy"),
        ("pgd_accuracy=high", "pgd_accuracy=0.8"),
        ("pgd_accuracy", "pgd_accuracy=0.8"),
        ("pgd_accuracy=nan", " 0.8"),
        ("pgd_accuracy=inf", " 0.8"),
        ("pgd_accuracy=-0.1", " 0.8 "),
        ("pgd_accuracy=82", " 0.82 "),
        ("pgd_accuracy=820", " 0.8 "),
    ],
)
def test_a_wrong_minimum_is_answered_with_a_right_one(minimum: str, way: str) -> None:
    data = front_data(SEARCH, [], SPACE.objective_list, SPACE.reference)
    with raises_about(UsageError, "--min") as refused:
        FrontChoice((minimum,)).wish(data)
    assert minimum in str(refused.value)
    assert way in str(refused.value)


@pytest.mark.parametrize(
    ("objectives", "choice", "subject"),
    [
        # It would keep the worst trials.
        (
            {"natural_accuracy": {}, "train_loss": {"direction": "minimize", "reference": 10.0}},
            FrontChoice(("train_loss=0.5",)),
            "--min",
        ),
        # There is nothing to gain by a loss.
        ({"natural_accuracy": {}}, FrontChoice(max_loss=0.1), "--max-loss"),
    ],
)
def test_a_choice_must_fit_the_objectives(objectives: dict[str, Any], choice: FrontChoice, subject: str) -> None:
    space = SPACE.model_validate({**SPACE.model_dump(mode="json"), "objectives": objectives})
    with raises_about(UsageError, subject):
        choice.wish(front_data(SEARCH, [], space.objective_list, space.reference))


@pytest.mark.usefixtures("ledger")
def test_several_searches_or_a_parameters_values_are_compared(
    tuner: Tuner, make_ledger: MakeLedger, tmp_path: Path
) -> None:
    make_ledger(SPACE, "other")
    answer = tuner("front", SEARCH, "other", "--out", "compare.html", "--format", "json")
    first, second = json.loads(answer.out)
    hypervolume = first.pop("hypervolume")
    assert hypervolume == pytest.approx(0.9 * 0.1 + 0.88 * 0.4 + 0.5 * 0.1)
    best = {"natural_accuracy": 0.9, "pgd_accuracy": 0.6}
    assert first == {"search": SEARCH, "completed": 4, "trials": 5, "front": 3, "best": best, "epochs": 4}
    assert second["best"] == {"natural_accuracy": None, "pgd_accuracy": None}
    assert "compare.html" in answer.err
    (line, *_) = csv.DictReader(tuner("front", SEARCH, "other", "--format", "csv").out.splitlines())
    assert (line["hypervolume"], line["best.pgd_accuracy"]) == (str(hypervolume), "0.6")
    page = (tmp_path / "compare.html").read_text()
    assert all(name in page for name in (SEARCH, "other"))
    table = tuner("front", SEARCH, "--by", "bottleneck")
    assert (table.code, table.err) == (0, "")
    assert f"{SEARCH} by bottleneck" in table.out


@pytest.mark.usefixtures("ledger", "tuner")
def test_a_comparison_is_shown_though_its_file_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with raises_about(UsageError, Path("no/folder.html")):
        app(["front", SEARCH, "--by", "bottleneck", "--out", "no/folder.html"])
    assert SEARCH in capsys.readouterr().out
