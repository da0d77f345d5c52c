"""`tuner export` and `tuner register`."""

from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import SEARCH
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
