"""What all commands have in common: help, wrong usage, and bad input."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from simulated_search import SEARCH
from typed_commands import Tuner

from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.space import load_space

COMMANDS = [[], ["run"], ["spaces"], ["spaces", "list"], ["spaces", "show"], ["spaces", "check"]] + [
    [command] for command in ("list", "show", "front", "export", "register", "sync", "ui")
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "tuner")
def test_every_command_has_a_help(tuner: Tuner, command: list[str]) -> None:
    answer = tuner(*command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: tuner {' '.join(command)}".rstrip()) or "Usage:" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize("group", [[], ["spaces"]])
def test_the_help_shows_each_summary_whole(tuner: Tuner, monkeypatch: pytest.MonkeyPatch, group: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, _, commands = tuner(*group, "--help").out.partition("Commands:\n")
    assert commands
    assert [line for line in commands.splitlines() if line.endswith("...")] == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tuner.cli import main\n"
        "try: main(['run', '--help'])\n"
        "finally: print(sorted({'torch', 'ray', 'optuna', 'mlflow', 'matplotlib', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_a_search_is_read_without_what_only_trials_and_models_need() -> None:
    code = (
        "import sys\nimport tuner.confirm.presentation, tuner.driver.delete, tuner.report.load, tuner.report.status\n"
        "print(sorted({'torch', 'ray', 'sklearn', 'scipy.stats', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["rnu"], "'rnu'"),
        (["run", "--spaec", "x"], "--spaec"),
        (["run", "--trials", "0"], "'--trials'"),
        (["run", "--trials", "many"], "'--trials'"),
        (["show"], "'NAME'"),
        (["show", SEARCH, "--format", "xml"], "'xml'"),
        (["export", SEARCH, "0"], "'--out'"),
    ],
)
def test_wrong_usage_is_exit_code_2(tuner: Tuner, runs_dir: Path, arguments: list[str], fault: str) -> None:
    answer = tuner(*arguments)
    assert answer.code == 2
    assert fault in answer.err
    assert not runs_dir.exists()


def test_a_user_without_a_home_gets_a_temporary_one(tuner: Tuner, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(user: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    monkeypatch.setenv("HOME", "")  # so that the fixture takes back what the command sets
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert tuner("list").code == 0
    assert Path.home() == Path(tempfile.gettempdir())


FAULTY = """
name: faulty
trial: {dataset: digits, epohcs: 3}
parameters:
  alpha: {type: float, low: 1.0, high: 0.0}
  beta: {type: real}
objectives: {pgd_accuracy: {}}
"""


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        ("run", ["--space", "`tuner spaces`"]),
        ("run --space digit_tradeoff", ["'digit_tradeoff'", " digits_tradeoff"]),
        ("run --space nowhere.yaml", ["nowhere.yaml"]),
        ("run --space faulty.yaml", ["trial.epohcs: ", " epochs?", "parameters.alpha: ", "parameters.beta: "]),
        ("run --space digits_tradeoff --set epsilom=1", ["trial.epsilom: ", " epsilon?"]),
        ("run --space digits_tradeoff --set epsilon", ["--set", "'epsilon'"]),
        ("run --space digits_tradeoff --set parameters.alpha.low=2", ["parameters.alpha: "]),
        ("run --space digits_tradeoff --cpus-per-trial 0", ["resources.cpus_per_trial: "]),
        ("run --space digits_tradeoff --name a/b", ["--name", "'a/b'"]),
        ("run --space digits_tradeoff --time-budget 90", ["--time-budget", "'90'"]),
        ("run --space digits_tradeoff --address nowhere", ["--address", "'nowhere'"]),
        ("run --space digits_tradeoff --address 127.0.0.1:1", ["127.0.0.1:1"]),
        ("run --space digits_tradeoff --tracking-uri mlruns", ["--tracking-uri", "'mlruns'"]),
        ("run --space digits_tradeoff --tracking-uri http://127.0.0.1:1", ["http://127.0.0.1:1", "`mlflow server`"]),
        (f"run --space {'a' * 300}.yaml", ["a" * 300]),
        (f"run --space digits_tradeoff --resume-or-start --name {'a' * 300}", ["a" * 300]),
        ("run --resume unknown", ["'unknown'", "`tuner list`"]),
        ("run --resume", ["`tuner list`"]),
        ("run --resume a --name b", ["--name", "--resume"]),
        ("show unknown", ["'unknown'"]),
        ("front unknown", ["'unknown'"]),
        ("sync unknown", ["'unknown'"]),
        ("confirm unknown", ["'unknown'"]),
        ("export unknown 0 --out x", ["'unknown'"]),
        ("register unknown 0", ["'unknown'"]),
    ],
)
def test_bad_input_is_answered_with_exit_code_2_and_nothing_written(
    tuner: Tuner, runs_dir: Path, tmp_path: Path, command: str, facts: list[str]
) -> None:
    (tmp_path / "faulty.yaml").write_text(FAULTY)
    before = sorted(tmp_path.rglob("*"))
    answer = tuner(*command.split())
    assert (answer.code, answer.out) == (2, "")
    for fact in facts:
        assert fact in answer.err
    assert "Traceback" not in answer.err
    assert sorted(tmp_path.rglob("*")) == before
    assert not runs_dir.exists()


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (f"run --space digits_tradeoff --name {SEARCH}", f"'{SEARCH}'"),
        (f"confirm {SEARCH} --name {SEARCH}", f"'{SEARCH}'"),
        (f"run --resume {SEARCH} --epochs 5", "trial.epochs: 4, now 5"),
        ("run --resume smal-1", f" {SEARCH}?"),
        ("run --resume", "--trials"),
        ("run --resume --trials 20", "--trials"),
        (f"show {SEARCH} --ledger sqlite:////nowhere.db", "sqlite:////nowhere.db"),
        (f"sync {SEARCH} --tracking-uri http://127.0.0.1:1", "http://127.0.0.1:1"),
    ],
)
def test_bad_input_about_a_search_leaves_it_as_it_was(
    tuner: Tuner, finished: SqlLedger, command: str, fact: str
) -> None:
    before = finished.load()
    answer = tuner(*command.split())
    assert (answer.code, answer.out) == (2, "")
    assert fact in answer.err
    assert finished.load() == before


@pytest.mark.parametrize("module", [["tuner", "run"], ["tuner.run"]])
def test_modules_are_commands_that_print_the_message_of_an_error(module: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load_space("nowhere.yaml")
    command = [sys.executable, "-m", *module, "--space", "nowhere.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{refused.value}\n")


def test_short_help_and_version(tuner: Tuner) -> None:
    from importlib.metadata import version

    assert tuner("--version") == (0, f"tuner {version('robust-tuner')}\n", "")
    for command in ([], ["list"], ["spaces"], ["spaces", "check"]):
        assert tuner(*command, "-h") == tuner(*command, "--help")


def test_names_are_completed(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.cli.options import complete_search, complete_space

    monkeypatch.setenv("TUNER_RUNS_DIR", str(runs_dir))
    assert complete_search("") == []
    for name in ("one", "other", "another"):
        (runs_dir / name).mkdir(parents=True)
        (runs_dir / name / "space.yaml").touch()
    assert complete_search("o") == ["one", "other"]
    assert complete_space("digits_t") == ["digits_tradeoff"]


def test_the_names_of_attacks_need_no_search(tuner: Tuner) -> None:
    answer = tuner("confirm", "--attacks", "help")
    assert (answer.code, answer.err) == (0, "")
    assert "pgd20" in answer.out


def test_no_table_is_cut_in_a_pipe(tuner: Tuner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    lines = tuner("spaces").out.splitlines()
    for name in ("digits_methods", "cifar10_tradeoff"):
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.rstrip().endswith(load_space(name).description)
