"""What the two commands share."""

import subprocess
import sys

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
