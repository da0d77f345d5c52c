"""`tuner ui`."""

import os
import sys
from pathlib import Path

import pytest
from typed_commands import Tuner


def test_the_ui_is_mlflows_own_on_the_searches_store(
    tuner: Tuner, runs_dir: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_dir.mkdir()
    (runs_dir / "mlflow.db").write_bytes(Path(mlflow_uri.removeprefix("sqlite:///")).read_bytes())
    commands: list[list[str]] = []

    def execute(program: str, command: list[str]) -> None:
        assert program == sys.executable
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execute)
    answer = tuner("ui", "--port", "5001")
    assert "http://127.0.0.1:5001/#/experiments?workflowType=machine_learning" in answer.out
    (command,) = commands
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert f"sqlite:///{runs_dir}/mlflow.db" in command
    assert "5001" in command
