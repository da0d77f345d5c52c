"""`tuner export` and `tuner register`."""

import json
from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger
from trained_trials import trained_epochs
from typed_commands import Tuner

from tuner.cli import app
from tuner.errors import UsageError


@pytest.mark.usefixtures("trained")
def test_a_chosen_trial_is_exported_and_registered(tuner: Tuner, tmp_path: Path, mlflow_uri: str) -> None:
    answer = tuner("export", SEARCH, "0", "--out", "chosen")
    assert answer.code == 0
    assert all(fact in answer.out for fact in ("Trial 0", SEARCH, "1 epoch", "Natural", "python chosen/load.py"))
    assert (tmp_path / "chosen" / "weights.pt").is_file()
    tuner("sync", SEARCH, "--tracking-uri", mlflow_uri)
    command = ["register", SEARCH, "0", "--as", "typed", "--alias", "knee", "--tracking-uri", mlflow_uri]
    first, second = tuner(*command), tuner(*command)
    for registered in (first, second):
        assert registered.code == 0
        assert "version 1 of typed" in registered.out
        assert "mlflow.pyfunc.load_model('models:/typed@knee')" in registered.out
    assert first.out != second.out, "the second says that it was registered already"


@pytest.mark.usefixtures("trained", "tuner")
@pytest.mark.parametrize(
    ("command", "subject"),
    [
        (f"export {SEARCH} 7 --out x", 7),
        (f"export {SEARCH} 2 --out x", 2),
        (f"register {SEARCH} 0 --tracking-uri http://127.0.0.1:1", "http://127.0.0.1:1"),
        (f"register {SEARCH} 2", 2),
    ],
)
def test_what_cannot_be_exported_or_registered_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, subject: object
) -> None:
    with raises_about(UsageError, subject):
        app(command.split())
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "x").exists()


def test_an_epoch_of_a_stopped_trial_is_exported_and_registered(
    tuner: Tuner, make_ledger: MakeLedger, runs_dir: Path, tmp_path: Path, mlflow_uri: str
) -> None:
    trained_epochs(make_ledger, runs_dir)
    assert tuner("export", SEARCH, "0", "--epoch", "1", "--out", "first").code == 0
    facts = json.loads((tmp_path / "first" / "model.json").read_text("utf-8"))
    assert (facts["epoch_of_weights"], facts["epochs_trained"], facts["metrics"]["natural_accuracy"]) == (1, 2, 0.5)
    assert facts["measured_on"] == "validation split, unfinished"
    tuner("sync", SEARCH, "--tracking-uri", mlflow_uri)
    register = ["register", SEARCH, "0", "--as", "epochs", "--tracking-uri", mlflow_uri]
    versions = [tuner(*register, "--epoch", epoch).out for epoch in ("1", "2", "1")]
    assert ["version 1 of" in out for out in versions] == [True, False, True]
    assert "version 2 of" in versions[1]
    with raises_about(UsageError, 0):
        app(register)
