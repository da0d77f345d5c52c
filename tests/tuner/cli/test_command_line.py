"""What all commands have in common: help, wrong usage, and bad input."""

import subprocess
import sys
from pathlib import Path

import pytest
from simulated_search import SEARCH
from typed_commands import Tuner

from tuner.ledger import SqlLedger

COMMANDS = [[], ["run"], ["spaces"], ["spaces", "list"], ["spaces", "show"], ["spaces", "check"]] + [
    [command] for command in ("list", "show", "front", "export", "register", "sync", "ui")
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "tuner")
def test_every_command_has_a_help(tuner: Tuner, command: list[str]) -> None:
    answer = tuner(*command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: tuner {' '.join(command)}".rstrip()) or "Usage:" in answer.out
    assert answer.err == ""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tuner.cli import main\n"
        "try: main(['run', '--help'])\n"
        "finally: print(sorted({'torch', 'ray', 'optuna', 'mlflow', 'matplotlib', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run", "--spaec", "x"], "No such option: --spaec"),
        (["run", "--trials", "0"], "'--trials': Input should be greater than or equal to 1"),
        (["run", "--trials", "many"], "'--trials': Input should be a valid integer"),
        (["show"], "Missing argument 'NAME'"),
        (["show", SEARCH, "--format", "xml"], "'xml' is not one of 'table', 'json', 'csv'"),
    ],
)
def test_wrong_usage_is_exit_code_2(tuner: Tuner, runs_dir: Path, arguments: list[str], message: str) -> None:
    answer = tuner(*arguments)
    assert answer.code == 2
    assert message in answer.err
    assert not runs_dir.exists()


FAULTY = """
name: faulty
trial: {dataset: digits, epohcs: 3}
parameters:
  alpha: {type: float, low: 1.0, high: 0.0}
  beta: {type: real}
objectives: {pgd_accuracy: {}}
"""


@pytest.mark.parametrize(
    ("command", "messages"),
    [
        ("run", ["--space NAME (see `tuner spaces`)"]),
        ("run --space digit_tradeoff", ["no space named 'digit_tradeoff': did you mean digits_tradeoff"]),
        ("run --space nowhere.yaml", ["no space file nowhere.yaml"]),
        (
            "run --space faulty.yaml",
            [
                "faulty.yaml: trial.epohcs: unknown key; did you mean epochs?",
                "faulty.yaml: parameters.alpha: low is 1 and high is 0, but low must be below high",
                "faulty.yaml: parameters.beta: its `type` must be one of",
            ],
        ),
        ("run --space digits_tradeoff --set epsilom=1", ["trial.epsilom: unknown key; did you mean epsilon?"]),
        ("run --space digits_tradeoff --set epsilon", ["--set 'epsilon' must have the form KEY=VALUE"]),
        ("run --space digits_tradeoff --set parameters.alpha.low=2", ["low is 2 and high is 1"]),
        ("run --space digits_tradeoff --cpus-per-trial 0", ["resources.cpus_per_trial: the value is 0"]),
        ("run --space digits_tradeoff --name a/b", ["--name is 'a/b', but must start with a letter or a digit"]),
        ("run --space digits_tradeoff --time-budget 90", ["--time-budget is '90', but must be a number with a unit"]),
        ("run --space digits_tradeoff --address nowhere", ["--address 'nowhere' must be 'auto' or HOST:PORT"]),
        ("run --space digits_tradeoff --address 127.0.0.1:1", ["There is no Ray cluster at 127.0.0.1:1"]),
        ("run --space digits_tradeoff --tracking-uri mlruns", ["--tracking-uri 'mlruns' must be a URI"]),
        (
            "run --space digits_tradeoff --tracking-uri http://127.0.0.1:1",
            ["MLflow does not answer at http://127.0.0.1:1", "`mlflow server`"],
        ),
        ("run --resume unknown", ["There is no search named 'unknown'", "`tuner list`"]),
        ("run --resume", ["is unfinished", "`tuner list`"]),
        ("run --resume a --name b", ["--name names a new search, --resume NAME continues an old one"]),
        ("show unknown", ["There is no search named 'unknown'"]),
        ("front unknown", ["There is no search named 'unknown'"]),
        ("sync unknown", ["There is no search named 'unknown'"]),
    ],
)
def test_bad_input_is_answered_with_exit_code_2_and_nothing_written(
    tuner: Tuner, runs_dir: Path, tmp_path: Path, command: str, messages: list[str]
) -> None:
    (tmp_path / "faulty.yaml").write_text(FAULTY)
    before = sorted(tmp_path.rglob("*"))
    answer = tuner(*command.split())
    assert (answer.code, answer.out) == (2, "")
    for message in messages:
        assert message in answer.err
    assert "Traceback" not in answer.err
    assert sorted(tmp_path.rglob("*")) == before
    assert not runs_dir.exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"run --space digits_tradeoff --name {SEARCH}", f"The name '{SEARCH}' exists already"),
        (f"run --resume {SEARCH} --epochs 5", "trial.epochs: 4, now 5"),
        ("run --resume smal-1", f"did you mean {SEARCH}?"),
        ("run --resume", "is unfinished"),
        ("run --resume --trials 20", "is unfinished"),
        (f"front {SEARCH} --min accuracy=0.5", "the metrics of this search are natural_accuracy, pgd_accuracy"),
        (f"front {SEARCH} --min pgd_accuracy=high", "must have the form METRIC=VALUE"),
        (f"front {SEARCH} --min pgd_accuracy", "must have the form METRIC=VALUE"),
        (f"show {SEARCH} --ledger sqlite:////nowhere.db", "There is no ledger at sqlite:////nowhere.db"),
        (f"sync {SEARCH} --tracking-uri http://127.0.0.1:1", "MLflow does not answer at http://127.0.0.1:1"),
    ],
)
def test_bad_input_about_a_search_leaves_it_as_it_was(
    tuner: Tuner, finished: SqlLedger, command: str, message: str
) -> None:
    before = finished.load()
    answer = tuner(*command.split())
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert finished.load() == before


@pytest.mark.parametrize("module", [["tuner", "run"], ["tuner.run"]])
def test_modules_are_commands(module: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module, "--space", "nowhere.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "There is no space file nowhere.yaml. `tuner spaces` lists the known spaces.\n"
