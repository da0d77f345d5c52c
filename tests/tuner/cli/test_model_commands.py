"""`tuner export` and `tuner register`."""

from pathlib import Path

import pytest
from simulated_search import SEARCH
from typed_commands import Tuner


@pytest.mark.usefixtures("trained")
def test_a_chosen_trial_is_exported_and_registered(tuner: Tuner, tmp_path: Path, mlflow_uri: str) -> None:
    answer = tuner("export", SEARCH, "0", "--out", "chosen")
    assert answer.code == 0
    assert answer.out.startswith(f"Trial 0 of {SEARCH}, completed after 1 epoch: Natural ")
    assert "; it is on the front." in answer.out
    assert "Try it: python chosen/load.py" in answer.out
    assert (tmp_path / "chosen" / "weights.pt").is_file()
    tuner("sync", SEARCH, "--tracking-uri", mlflow_uri)
    command = ["register", SEARCH, "0", "--as", "typed", "--alias", "knee", "--tracking-uri", mlflow_uri]
    first, second = tuner(*command), tuner(*command)
    assert (first.code, second.code) == (0, 0)
    assert "It is now version 1 of typed, alias knee. Load it:" in first.out
    assert "mlflow.pyfunc.load_model('models:/typed@knee')" in first.out
    assert "It was registered already as version 1 of typed" in second.out


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"export {SEARCH} 7 --out x", f"{SEARCH} has no trial 7: its trials are numbered 0 to 2"),
        (f"export {SEARCH} 2 --out x", "Trial 2 has no checkpoint on record after 0 epochs: choose another one."),
        (f"export {SEARCH} 0", "Missing option '--out'"),
        ("export unknown 0 --out x", "There is no search named 'unknown'"),
        ("register unknown 0", "There is no search named 'unknown'"),
        (f"register {SEARCH} 0 --tracking-uri http://127.0.0.1:1", "MLflow does not answer"),
        (f"register {SEARCH} 2", "Trial 2 is interrupted after 0 epochs, but must be completed to be registered"),
    ],
)
def test_what_cannot_be_exported_or_registered_says_why(
    tuner: Tuner, tmp_path: Path, command: str, message: str
) -> None:
    answer = tuner(*command.split())
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert not (tmp_path / "x").exists()
