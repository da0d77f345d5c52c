"""`tuner front`: the options that choose trials, and the comparison of fronts."""

import csv
import json
from pathlib import Path

import pytest
from simulated_search import SEARCH, MakeLedger, small_space
from typed_commands import Tuner

from tuner.ledger import SqlLedger
from tuner.search import Search

SPACE = small_space(
    early_stopping={"scheduler": "none"},
    trial={"epochs": 1, "train_fraction": 0.2, "attack_steps": 1, "eval_attack_steps": 1},
)
# On the front 0, 1 and 2, of which 1 is the knee.
ACCURACIES = [(0.9, 0.1), (0.88, 0.5), (0.5, 0.6), (0.4, 0.4)]


@pytest.fixture
def ledger(make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch) -> SqlLedger:
    """A search with a front, whose files take a second to draw and are not looked at here."""
    monkeypatch.setattr("tuner.report.front_files.write_front_files", lambda *_: [])
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


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--knee --max-loss 0.1", "--knee and --max-loss each choose one trial: give one of them."),
        ("--knee --trial 1", "--knee and --trial each choose one trial"),
        ("--trial 1 --min pgd_accuracy=0.1", "--trial 1 chooses a trial whatever its accuracies are: leave out --min."),
        ("--max-loss 1", "--max-loss is 1, but must be a share of at least 0 and below 1: 0.01 is one point."),
        ("--max-loss -0.1", "--max-loss is -0.1, but must be a share"),
        ("--max-loss nan", "--max-loss is nan, but must be a share"),
        (
            "--min pgd_accuracy=82",
            "--min 'pgd_accuracy=82': an accuracy is a share from 0 to 1: write pgd_accuracy=0.82 for 82 %.",
        ),
        ("--min pgd_accuracy=820", "an accuracy is a share from 0 to 1, such as pgd_accuracy=0.8."),
        ("--min pgd_accuracy=-0.1", "an accuracy is a share from 0 to 1, such as pgd_accuracy=0.8."),
        ("--min pgd_accuracy=nan", "--min 'pgd_accuracy=nan': nan is not a finite number"),
        ("--min pgd_accuracy=inf", "--min 'pgd_accuracy=inf': inf is not a finite number"),
    ],
)
def test_a_contradictory_choice_is_refused(tuner: Tuner, options: str, message: str) -> None:
    answer = tuner("front", SEARCH, *options.split())
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_a_minimum_of_what_is_minimised_would_keep_the_worst(tuner: Tuner, make_ledger: MakeLedger) -> None:
    mapping = SPACE.model_dump(mode="json")
    objectives = {"natural_accuracy": {}, "train_loss": {"direction": "minimize", "reference": 10.0}}
    make_ledger(SPACE.model_validate({**mapping, "objectives": objectives}))
    answer = tuner("front", SEARCH, "--min", "train_loss=0.5")
    assert (answer.code, answer.out) == (2, "")
    assert "train_loss is minimised, and a minimum would keep its worst trials." in answer.err


def test_one_objective_has_nothing_to_gain_by_a_loss(tuner: Tuner, make_ledger: MakeLedger) -> None:
    mapping = SPACE.model_dump(mode="json")
    space = SPACE.model_validate({**mapping, "objectives": {"natural_accuracy": {}}})
    make_ledger(space)
    answer = tuner("front", SEARCH, "--max-loss", "0.1")
    assert answer.code == 2
    assert f"but {SEARCH} has only one: natural_accuracy." in answer.err


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
    assert "Each objective has its best value" in answer.err
    assert "compare.html" in answer.err
    (line, *_) = csv.DictReader(tuner("front", SEARCH, "other", "--format", "csv").out.splitlines())
    assert (line["hypervolume"], line["best.pgd_accuracy"]) == (str(hypervolume), "0.6")
    page = (tmp_path / "compare.html").read_text()
    assert all(name in page for name in (SEARCH, "other"))
    table = tuner("front", SEARCH, "--by", "bottleneck")
    assert (table.code, table.err) == (0, "")
    assert f"{SEARCH} by bottleneck" in table.out


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--out compare.html", "--out compare.html is the file of a comparison"),
        ("--by depth", f"--by depth: the parameters of {SEARCH} are alpha, bottleneck, lambda."),
        ("--by bottleneck --knee", "choose from one front: leave them out to compare."),
        ("--by bottleneck --out front.pdf", "--out is front.pdf, but must end in .html"),
        ("--by bottleneck --out no/folder.html", "--out no/folder.html cannot be written"),
        ("unknown", "There is no search named 'unknown'"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(tuner: Tuner, options: str, message: str) -> None:
    answer = tuner("front", SEARCH, *options.split())
    assert answer.code == 2
    assert message in answer.err
    if "no/folder" not in options:
        assert answer.out == "", "refused before anything is shown"
