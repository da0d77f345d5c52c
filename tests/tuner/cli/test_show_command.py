"""`tuner show`."""

import csv
import io
import json
from typing import Any

from finished_search import SPACE
from simulated_search import SEARCH, MakeLedger, drive, small_space
from typed_commands import Tuner

from tuner.ledger import Outcome, SqlLedger
from tuner.report.load import front_of
from tuner.search import Search


def test_a_search_is_shown_as_json(tuner: Tuner, finished: SqlLedger) -> None:
    shown = json.loads(tuner("show", SEARCH, "--format", "json").out)
    assert shown["search"] == SEARCH
    for row, trial in zip(shown["trials"], finished.load(), strict=True):
        assert (row["trial"], row["name"]) == (trial.number, f"trial-{trial.number:04d}")
        assert (row["outcome"], row["error"]) == (trial.outcome, trial.error)
        assert (row["parameters"], row["epochs_trained"]) == (trial.parameters, trial.epochs_trained)
        last = {name: trial.last_metrics[name] for name in SPACE.objectives}
        assert row["last"] == last
        assert row["final"] == (last if trial.outcome is Outcome.COMPLETED else None)


def test_a_search_is_shown_as_csv_and_as_a_table(tuner: Tuner, finished: SqlLedger) -> None:
    rows = list(csv.DictReader(io.StringIO(tuner("show", SEARCH, "--format", "csv").out)))
    assert [float(row["parameters.lambda"]) for row in rows] == [t.parameters["lambda"] for t in finished.load()]
    assert rows[0]["error"] == "Traceback\nRuntimeError: out of memory"
    assert (rows[0]["final.pgd_accuracy"], rows[1]["error"]) == ("", "")
    assert "final" not in rows[0], "it stands in a column for each metric"
    table = tuner("show", SEARCH).out
    assert SEARCH in table
    assert sum(line.split()[:1] == [str(number)] for number in range(5) for line in table.splitlines()) >= 5


def test_a_column_without_a_value_stays_in_csv(tuner: Tuner, make_ledger: MakeLedger) -> None:
    """A program that reads it finds the columns that it knows, whatever happened in the search."""
    search = Search(SPACE, make_ledger(SPACE))
    search.next_assignment()
    (line,) = csv.DictReader(io.StringIO(tuner("show", SEARCH, "--format", "csv").out))
    assert line["error"] == ""


def test_a_nan_is_null_in_json(tuner: Tuner, make_ledger: MakeLedger) -> None:
    """NaN is no JSON, and other programs refuse it."""
    search = Search(SPACE, make_ledger(SPACE))
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": float("nan"), "pgd_accuracy": 0.5}, None)

    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    shown = json.loads(tuner("show", SEARCH, "--format", "json").out, parse_constant=refuse)
    assert shown["trials"][0]["last"] == {"natural_accuracy": None, "pgd_accuracy": 0.5}


def test_one_trial_is_shown_with_the_reasons_of_its_decisions(tuner: Tuner, finished: SqlLedger) -> None:
    for trial in finished.load():
        shown = json.loads(tuner("show", SEARCH, "--trial", str(trial.number), "--format", "json").out)
        assert (shown["trial"], shown["outcome"]) == (trial.number, trial.outcome)
        wanted = [report for report in trial.reports if report.rung or report.epoch == trial.epochs_trained]
        assert [(row["epoch"], row["reason"]) for row in shown["decisions"]] == [(r.epoch, r.reason) for r in wanted]
        table = tuner("show", SEARCH, "--trial", str(trial.number)).out
        assert [line.split()[0] for line in table.splitlines() if line.strip()[:1].isdigit()] == [
            str(report.epoch) for report in wanted
        ]
    rows = list(csv.DictReader(io.StringIO(tuner("show", SEARCH, "--trial", "1", "--format", "csv").out)))
    shown = json.loads(tuner("show", SEARCH, "--trial", "1", "--format", "json").out)
    assert [int(row["epoch"]) for row in rows] == [row["epoch"] for row in shown["decisions"]]


def test_a_trial_that_is_not_there_is_refused(tuner: Tuner, finished: SqlLedger) -> None:
    answer = tuner("show", SEARCH, "--trial", "99")
    assert answer.code == 2
    assert all(fact in answer.err for fact in ("--trial", "99", str(len(finished.load()) - 1)))


def test_the_epochs_on_the_front_are_shown(tuner: Tuner, make_ledger: MakeLedger) -> None:
    space = small_space(search={"trials": 4, "candidates": "every_evaluation"})
    search = Search(space, make_ledger(space))
    drive(search)
    epochs = front_of(SEARCH, space, search.trials).front_epochs
    rows = json.loads(tuner("show", SEARCH, "--format", "json").out)["trials"]
    assert {row["trial"]: row["front_epochs"] for row in rows if row["front_epochs"]} == epochs
    lines = csv.DictReader(io.StringIO(tuner("show", SEARCH, "--format", "csv").out))
    assert {int(line["trial"]): line["front_epochs"] for line in lines if line["front_epochs"]} == {
        number: " ".join(map(str, found)) for number, found in epochs.items()
    }
    number = next(iter(epochs))
    decisions = json.loads(tuner("show", SEARCH, "--trial", str(number), "--format", "json").out)["decisions"]
    assert [entry["epoch"] for entry in decisions if entry["on_front"]] == epochs[number]
    assert tuner("show", SEARCH).code == tuner("show", SEARCH, "--trial", str(number)).code == 0
