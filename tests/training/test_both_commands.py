"""What the two commands share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from raises_about import raises_about

import training.evaluate
import training.run
from training.command_line import CommandError, explain_long_names

DIGITS = Path(training.run.__file__).parent / "configs" / "digits.yaml"


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


@pytest.mark.parametrize("command", ["run --config {long}", "run --config {digits} --out {long}", "evaluate {long}"])
def test_a_name_that_no_file_can_have_is_one_sentence(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, *words = command.format(long="a" * 300, digits=DIGITS).split()
    assert (training.run.main(words) if module == "run" else training.evaluate.main(words)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("module", ["tuner.cli", "training.evaluate"])
def test_pictures_do_not_depend_on_the_backend_of_a_notebook(module: str) -> None:
    code = f"""
import contextlib, {module}
with contextlib.suppress(SystemExit):
    {module}.main(["--help"])
import matplotlib
"""
    environment = {**os.environ, "MPLBACKEND": "module://absent.backend_inline"}
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)


def test_other_errors_of_files_are_not_explained(tmp_path: Path) -> None:
    with raises_about(CommandError, str(tmp_path / ("a" * 300))), explain_long_names():
        (tmp_path / ("a" * 300)).read_bytes()
    with pytest.raises(FileNotFoundError), explain_long_names():
        (tmp_path / "absent").read_bytes()


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
