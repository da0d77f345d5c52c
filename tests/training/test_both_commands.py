"""What the two commands share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("module", "word"), [("run", "--data-root DIR"), ("evaluate", "CHECKPOINT")])
def test_help_answers_without_torch(module: str, word: str) -> None:
    code = f"""
import sys, training.{module}
try:
    training.{module}.main(["--help"])
finally:
    assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert word in done.stdout


@pytest.mark.parametrize(
    "command", ["training.run --config x", "training.evaluate x", "tuner list", "tuner.run --space x"]
)
def test_a_current_folder_that_was_deleted_is_one_sentence(tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = ["sh", "-c", f'rmdir "{gone}"; "{sys.executable}" -m {command}']
    done = subprocess.run(words, cwd=gone, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
