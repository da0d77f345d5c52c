"""Every command that README.md, the docs and the spaces' comments show is one that the command line takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from tuner.cli import app
from tuner.cli.run import with_resume_value

_ROOT = Path(__file__).parents[1]
_TUNER = re.compile(r"^(?:#\s+[A-Za-z ]+:\s+|\s*)(?:python -m tuner\.(run) ?|tuner )(.*)$")


def _commands() -> list[str]:
    texts = [
        _ROOT / "README.md",
        *sorted((_ROOT / "docs").glob("*.md")),
        *sorted((_ROOT / "search_spaces").glob("*.yaml")),
    ]
    found = []
    for path in texts:
        for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            match = _TUNER.match(line.split("  # ")[0])
            if match:
                found.append(f"{match[1] or ''} {match[2]}".strip())
    return found


def _parse(command: Any, name: str, arguments: list[str]) -> None:
    """Parse as Click would, without calling anything."""
    context = command.make_context(name, arguments.copy())
    if hasattr(command, "resolve_command") and context._protected_args:
        inner_name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        _parse(inner, inner_name, rest)


@pytest.mark.parametrize("command", _commands())
def test_a_command_shown_to_users_is_taken(command: str) -> None:
    arguments = [argument.replace("NAME", "digits_tradeoff") for argument in shlex.split(command, comments=True)]
    _parse(typer.main.get_command(app), "tuner", with_resume_value(arguments))


def test_the_readme_shows_commands() -> None:
    assert len(_commands()) > 15


def test_the_readme_names_every_shipped_space() -> None:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    for path in (_ROOT / "search_spaces").glob("*.yaml"):
        assert f"`{path.stem}`" in readme
