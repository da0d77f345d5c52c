"""Every command in the documents and in the comments of the spaces works.

Commands that only read or steer run as they are, on searches that a simulation left on disk. Those that would start a
search run with --dry-run, which checks the space, the overrides and the names. Of all others the words are parsed.
"""

import importlib.util
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from documents import PAGES, ROOT, SPACES, Command, blocks, commands, inline_commands, name_of
from simulated_search import Searches

import training.evaluate
import training.run
from training.registry import OBJECTIVES
from tuner.cli import app, main
from tuner.cli.run import with_resume_value
from tuner.search import Search
from tuner.space import load_space

RECIPES = ROOT / "CONTRIBUTING.md"
READING = {"list", "status", "show", "front", "spaces"}
STEERING = {"add", "set", "stop"}  # they write a row into the ledger of a simulation
STARTING = {"run", "confirm"}


def trade_off(share: float, epoch: int, epochs: int) -> dict[str, float]:
    """Return metrics on a concave front, for a position on it from 0 to 1."""
    grown = epoch / epochs
    return {"natural_accuracy": (0.97 - 0.1 * share**2) * grown, "pgd_accuracy": (0.2 + 0.4 * share**0.5) * grown}


def simulate(
    searches: Searches, space_name: str, name: str, *, unfinished: bool = False, candidates: str = "final"
) -> None:
    """Leave a search with 12 completed trials on disk, or with 6 of 12 and one that runs."""
    flags = {"search.trials": 12, "trial.epochs": 20, "early_stopping.scheduler": "none", "trial.data_root": "data"}
    space = load_space(space_name, flags=flags | {"search.candidates": candidates})
    search = Search(space, searches.make_ledger(space, name))
    for number in range(6 if unfinished else 12):
        assignment = search.next_assignment()
        assert assignment is not None
        for epoch in range(1, 21):
            search.report(assignment.number, epoch, trade_off(number / 11, epoch, 20), f"ray/session-1/{number}")
    if unfinished:
        search.next_assignment()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Path]:
    """A working folder whose `runs` holds the searches that the documents name."""
    folder = tmp_path_factory.mktemp("documents")
    searches = Searches(folder / "runs", empty_database)
    simulate(searches, "digits_tradeoff", "digits_tradeoff-1")
    simulate(searches, "digits_tradeoff", "digits_tradeoff-2", unfinished=True)
    simulate(searches, "digits_tradeoff", "digits_tradeoff-3", candidates="every_evaluation")
    simulate(searches, "cifar10_tradeoff", "cifar10_tradeoff-1")
    shutil.copytree(ROOT / "examples", folder / "examples")
    yield folder
    searches.close()
    OBJECTIVES._entries.pop("logit_pairing", None)  # of the examples; other tests list all names


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with nothing set from outside."""
    for key in ("TUNER_RUNS_DIR", "TUNER_LEDGER", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(place)
    return place


def parse(command: Any, name: str, arguments: list[str]) -> None:
    """Parse as Click would, without calling anything."""
    context = command.make_context(name, arguments.copy())
    if hasattr(command, "resolve_command") and context._protected_args:
        inner_name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(inner, inner_name, rest)


def check_tuner(arguments: list[str], *, only_parsed: bool) -> None:
    """Run a command of `tuner` as far as it can be run here."""
    verb = arguments[0]
    # No simulation leaves a confirmation or the weights of a trial, and object storage is not at hand.
    absent = [w for w in arguments if w.endswith("-confirm") or w == "--rerank" or w.startswith("s3://")]
    if only_parsed or absent or verb not in READING | STEERING | STARTING:
        parse(typer.main.get_command(app), "tuner", with_resume_value(arguments))
        return
    dry = ["--dry-run"] if verb in STARTING and "--dry-run" not in arguments else []
    with pytest.raises(SystemExit) as exit_:
        main([*arguments, *dry])
    assert exit_.value.code == 0


def check_training(module: Any, arguments: list[str], *, only_parsed: bool) -> None:
    """Parse a command of `training`, and read the configuration that it names."""
    parsed = module._parser().parse_args(arguments)
    if module is training.run and not only_parsed:
        if (ROOT / parsed.config).is_file():
            parsed.config = str(ROOT / parsed.config)
        module._read_config(parsed)


def check_python(arguments: list[str], *, only_parsed: bool) -> None:
    """Check a command that begins with `python`."""
    if arguments[0] != "-m":
        assert (ROOT / arguments[0]).is_file()
        return
    module, rest = arguments[1], arguments[2:]
    if module == "tuner.run":
        check_tuner(["run", *rest], only_parsed=only_parsed)
    elif module in {"training.run", "training.evaluate"}:
        code = training.run if module == "training.run" else training.evaluate
        check_training(code, rest, only_parsed=only_parsed)
    elif module == "pytest":
        paths = [word for word in rest if word.startswith("tests/")]
        assert paths
        made = RECIPES.read_text(encoding="utf-8")
        assert all((ROOT / path).exists() or f"New file `{path}`" in made for path in paths)
    else:
        assert module.startswith("benchmarks.")
        assert importlib.util.find_spec(module)


def check_make(arguments: list[str]) -> None:
    """Check that the Makefile has the targets."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(arguments) <= targets


def check(words: Sequence[str], *, only_parsed: bool) -> None:
    """Check one command; a program that nobody knows here fails."""
    program, arguments = words[0], [word.replace("NAME", "digits_tradeoff-1") for word in words[1:]]
    if program == "ray" and "--" in arguments:
        check(arguments[arguments.index("--") + 1 :], only_parsed=only_parsed)
        return
    checks: dict[str, Callable[[], object]] = {
        "tuner": lambda: check_tuner(arguments, only_parsed=only_parsed),
        "python": lambda: check_python(arguments, only_parsed=only_parsed),
        "make": lambda: check_make(arguments),
        "cd": lambda: os.chdir(arguments[0]),  # the fixture goes back
        "source": lambda: arguments == [".venv/bin/activate"],
        "export": lambda: None,
        "ray": lambda: None,
    }
    checks[program]()


def run_all(found: Sequence[Command], capsys: pytest.CaptureFixture[str], *, only_parsed: bool = False) -> None:
    """Check commands in their order: one may write the file that the next one reads."""
    for command in found:
        capsys.readouterr()
        try:
            check(command.words, only_parsed=only_parsed)
        except (Exception, SystemExit, pytest.fail.Exception) as error:
            shown = capsys.readouterr()
            raise AssertionError(f"{command}\n{shown.out[-1000:]}{shown.err[-1000:]}") from error
        if command.redirect is not None:
            Path(command.redirect).write_text(capsys.readouterr().out, encoding="utf-8")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", [*PAGES, *SPACES], ids=name_of)
def test_the_commands_of_a_page_work(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The recipes' names exist only where the recipes were followed: test_recipes.py runs their commands.
    run_all(commands(page), capsys, only_parsed=page == RECIPES)


def test_every_space_says_how_it_is_launched() -> None:
    assert [path.stem for path in SPACES if not commands(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_in_the_prose_exist(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    for text in inline_commands(page):
        program, *words = text.split()
        if program == "make":
            check_make(words)
        elif program == "python":
            assert importlib.util.find_spec(words[1]), text
        else:
            command = group.commands[words[0]]
            inner = command.commands.get(words[1]) if len(words) > 1 and hasattr(command, "commands") else None
            known = {option for parameter in (inner or command).params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known | {"--help"}, text


def test_the_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"pip install -e '\.\[(\w+)\]'", text)) <= set(extras)


def test_python_blocks_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del here
    found = [(page, block) for page in PAGES if page != RECIPES for block in blocks(page, "python")]
    assert found
    for page, block in found:
        exec(compile(block.text, str(page), "exec"), {})
    assert capsys.readouterr().out
