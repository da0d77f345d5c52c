"""`tuner confirm`."""

from pathlib import Path

import pytest
from finished_search import SPACE
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger
from typed_commands import Tuner, labelled

from tuner.cli import app
from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger
from tuner.report.analysis.wish import Wish


def test_a_confirmation_is_shown_before_it_runs(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    completed = next(trial for trial in finished.load() if trial.outcome is Outcome.COMPLETED)
    answer = tuner("confirm", SEARCH, "--trial", str(completed.number), "--seeds", "4", "--dry-run")
    assert answer.code == 0, answer.err
    shown = labelled(answer.out)
    assert f"Would start {SEARCH}-confirm" in shown
    assert "4 trials" in shown["Cost"]
    assert f"trial {completed.number} of {SEARCH}" in shown["Confirms"]
    assert "standard" in shown["Measures"]
    assert ", ".join(f"{name}={value}" for name, value in completed.parameters.items()) in answer.out
    assert not (runs_dir / f"{SEARCH}-confirm").exists()


def test_named_attacks_and_a_radius_are_recorded_and_shown(tuner: Tuner, finished: SqlLedger) -> None:
    completed = next(trial for trial in finished.load() if trial.outcome is Outcome.COMPLETED)
    attacks = "square,torchattacks:PGD(eps=8/255, steps=3)"
    words = ("--attacks", attacks, "--epsilon", "8/255", "--dry-run")
    answer = tuner("confirm", SEARCH, "--trial", str(completed.number), *words)
    assert answer.code == 0, answer.err
    shown = labelled(answer.out)["Measures"]
    assert all(word in shown for word in ("pgd20, square, torchattacks:PGD(eps=8/255, steps=3)", "0.03137"))
    assert "standard" not in shown


@pytest.mark.usefixtures("tuner", "finished")
@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ("empty", "empty"),
        (f"{SEARCH} --trial 99", 99),
        (f"{SEARCH} --trial 0 --max-loss 0.01", ("--trial", "--front", "--min", "--max", "--knee", "--max-loss")),
        (f"{SEARCH} --min natural_accuracy=0.999", Wish({"natural_accuracy": 0.999})),
        (f"{SEARCH} --attacks pgd", "--attacks"),
        (f"{SEARCH} --epsilon 8", "--epsilon"),
        (f"{SEARCH} --norm l2", ("--norm", "--epsilon")),
        (f"{SEARCH} --norm l1 --epsilon 1", "--norm"),
    ],
)
def test_what_cannot_be_confirmed_is_refused(make_ledger: MakeLedger, options: str, subject: object) -> None:
    make_ledger(SPACE, "empty")
    with raises_about(UsageError, subject):
        app(["confirm", *options.split(), "--dry-run"])
