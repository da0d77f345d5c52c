"""The recipes of CONTRIBUTING.md, carried out literally on a copy of the project: files, changes, commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from documents import ROOT, Command, commands

PAGE = ROOT / "CONTRIBUTING.md"
_RECIPE = re.compile(r"^### (Add .*?)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"New file `(.+?)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CHANGES = re.compile(r"Changes in `(.+?)`.*?:\n\n```diff\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"((?:^-.*\n)+)((?:^\+.*\n)+)", re.MULTILINE)

# All commands of a copy in one process: torch and Ray take seconds to import.
_DRIVER = """
import shlex, sys
import pytest, torch, training.evaluate, training.run
from tuner.cli import main as tuner
mains = {"training.run": training.run.main, "training.evaluate": training.evaluate.main, "pytest": pytest.main}
for line in sys.stdin.read().splitlines():
    program, *words = shlex.split(line)
    print(">", line, flush=True)
    if program == "python":
        code = mains[words[1]](words[2:])
    else:
        try:
            tuner(words)
        except SystemExit as exit_:
            code = exit_.code
    if code:
        sys.exit(f"exit code {code}: {line}")
"""


class Recipe(NamedTuple):
    """One recipe: its files and its changes, each with a path."""

    title: str
    files: dict[str, str]
    changes: list[tuple[str, str]]


def recipes() -> list[Recipe]:
    text = PAGE.read_text(encoding="utf-8")
    return [Recipe(title, dict(_FILE.findall(body)), _CHANGES.findall(body)) for title, body in _RECIPE.findall(text)]


def recipe_commands() -> list[Command]:
    """Return the commands below the heading of the recipes."""
    setting_up = {"make", "source"}
    return [command for command in commands(PAGE) if command.words[0] not in setting_up]


def follow(recipe: Recipe, copy: Path) -> None:
    """Create the files of a recipe and apply its changes; each line to be replaced must be there exactly once."""
    for path, content in recipe.files.items():
        assert not (copy / path).exists()
        (copy / path).write_text(content, encoding="utf-8")
    for path, changes in recipe.changes:
        text = (copy / path).read_text(encoding="utf-8")
        found = _CHANGE.findall(changes)
        assert "".join(removed + added for removed, added in found) == changes
        for removed, added in found:
            old, new = ("".join(line[1:] for line in part.splitlines(keepends=True)) for part in (removed, added))
            assert text.count(old) == 1, f"{recipe.title}: {path}: {old}"
            text = text.replace(old, new)
        (copy / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which all recipes were followed, one after the other."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("training", "tuner", "search_spaces", "tests/training/losses"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for recipe in recipes():
        follow(recipe, folder)
    return folder


def test_there_is_a_recipe_for_each_kind_of_part() -> None:
    kinds = ["objective", "architecture", "attack", "data set", "sampler", "metric"]
    assert [recipe.title.split(maxsplit=2)[2] for recipe in recipes()] == kinds
    assert all(recipe.files or recipe.changes for recipe in recipes())


def test_the_recipes_commands_work(copy: Path) -> None:
    lines = [str(command) for command in recipe_commands() if "tests/training/losses" not in command.words]
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        input="\n".join(lines),
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my_bright_accuracy" in (copy / "runs" / "trials" / "bright" / "metrics.jsonl").read_text(encoding="utf-8")


def test_the_recipes_code_is_in_the_projects_form(copy: Path) -> None:
    files = [path for recipe in recipes() for path in (*recipe.files, *(path for path, _ in recipe.changes))]
    for arguments in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--config", str(ROOT / "pyproject.toml"), *files]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
