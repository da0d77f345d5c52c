"""`tuner confirm`."""

from pathlib import Path

from finished_search import SPACE
from simulated_search import SEARCH, MakeLedger
from typed_commands import Tuner

from tuner.ledger import Outcome, SqlLedger


def test_a_confirmation_is_shown_before_it_runs(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    completed = next(trial.number for trial in finished.load() if trial.outcome is Outcome.COMPLETED)
    answer = tuner("confirm", SEARCH, "--trial", str(completed), "--seeds", "4", "--dry-run")
    assert answer.code == 0, answer.err
    assert f"Would start {SEARCH}-confirm" in answer.out
    assert "(4 trials of 4)" in answer.out
    assert f"Confirms:   trial {completed} of {SEARCH}, trained again on training and validation images" in answer.out
    assert "Measures:   suite standard on all test images" in answer.out
    point = next(trial.parameters for trial in finished.load() if trial.number == completed)
    assert ", ".join(f"{name}={value}" for name, value in point.items()) in answer.out
    assert not (runs_dir / f"{SEARCH}-confirm").exists()


def test_what_cannot_be_confirmed_is_exit_code_2(tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger) -> None:
    del finished
    make_ledger(SPACE, "empty")
    for words, message in (
        (["unknown"], "There is no search named 'unknown'"),
        (["empty"], "The front of empty is empty: no trial has completed yet"),
        ([SEARCH, "--trial", "99"], f"Trial 99 of {SEARCH} does not exist"),
        ([SEARCH, "--trial", "0", "--max-loss", "0.01"], "exclude each other"),
        ([SEARCH, "--min", "natural_accuracy=0.999"], "No trial of the front has at least"),
        ([SEARCH, "--name", "empty"], "The name 'empty' exists already"),
    ):
        answer = tuner("confirm", *words, "--dry-run")
        assert (answer.code, message in answer.err) == (2, True), answer.err
