"""The commands as a user types them, in this process."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulated_search import SEARCH, MakeLedger, drive, small_space, space_mapping
from typed_commands import Tuner

from tuner.cli.run import seconds, with_resume_value
from tuner.driver.plan import Request, plan_resume
from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger, default_ledger_url
from tuner.report.analysis.front_data import front_data
from tuner.runs.folder import SearchFolder
from tuner.search import Search
from tuner.space import load_space, space_from_mapping

SHIPPED = ["digits_tradeoff", "mnist_tradeoff", "cifar10_tradeoff", "cifar100_tradeoff"]
SPACE = small_space(search={"trials": 5}, trial={"epochs": 4})


@pytest.fixture
def small_file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(space_mapping()))
    return str(path)


@pytest.fixture
def finished(make_ledger: MakeLedger) -> SqlLedger:
    """A search of five trials that ended, the first of them failed."""
    ledger = make_ledger(SPACE)
    search = Search(SPACE, ledger)
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": 0.1, "pgd_accuracy": 0.1}, None)
    search.fail(0, "Traceback\nRuntimeError: out of memory")
    drive(search)
    return ledger


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


def test_spaces_are_listed_with_and_without_the_word(tuner: Tuner) -> None:
    answer = tuner("spaces", "list")
    assert answer == tuner("spaces")
    assert answer.code == 0
    for name in SHIPPED:
        assert any(line.split()[:1] == [name] for line in answer.out.splitlines())


def test_an_invalid_space_is_listed_with_the_command_that_shows_why(tuner: Tuner, tmp_path: Path) -> None:
    folder = tmp_path / "search_spaces"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: mine\n")
    answer = tuner("spaces")
    assert answer.code == 0
    assert "not valid: see tuner spaces check search_spaces/mine.yaml" in answer.out


@pytest.mark.parametrize("name", SHIPPED)
def test_a_space_is_shown_whole_as_a_space_file(tuner: Tuner, name: str) -> None:
    answer = tuner("spaces", "show", name)
    shown = yaml.safe_load(answer.out)
    space = space_from_mapping(shown, "shown")
    assert space.parameters == load_space(name).parameters
    assert space.trial_config({}) == load_space(name).trial_config({})
    assert shown["trial"]["batch_size"]


def test_a_space_is_shown_after_overrides(tuner: Tuner, small_file: str) -> None:
    shown = yaml.safe_load(tuner("spaces", "show", small_file, "--set", "epochs=4").out)
    assert shown["trial"]["epochs"] == 4


def test_a_space_is_checked(tuner: Tuner, small_file: str, tmp_path: Path) -> None:
    answer = tuner("spaces", "check", small_file)
    assert answer == (0, f"{small_file}: valid; 3 parameters, 12 trials\n", "")
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\ntrials: 3\n")
    answer = tuner("spaces", "check", str(bad))
    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 4
    assert f"{bad}: trials: unknown key" in answer.err


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dry_run_of_each_shipped_space_shows_all_and_writes_nothing(tuner: Tuner, runs_dir: Path, name: str) -> None:
    answer = tuner("run", "--space", name, "--dry-run")
    assert (answer.code, answer.err) == (0, "")
    space = load_space(name)
    most = space.search.trials * space.epochs
    assert f"Would start {name}-1" in answer.out
    assert f"Cost:       at most {most} epochs" in answer.out
    assert f"Rungs:      epoch {space.early_stopping.grace_epochs}: about {space.search.trials} trials" in answer.out
    for parameter in space.parameters:
        assert f"  {parameter} " in answer.out
    assert f"Files:      {runs_dir}/{name}-1" in answer.out
    assert not runs_dir.exists()


def test_a_dry_run_takes_flags(tuner: Tuner, runs_dir: Path, tmp_path: Path) -> None:
    command = (
        "run --space digits_tradeoff --dry-run --trials 2 --epochs 1 --seed 5 --name mine --set train_fraction=0.5"
    )
    answer = tuner(*command.split(), "--data-root", "pictures", "--tracking-uri", "http://host:5000")
    assert "Cost:       at most 2 epochs (2 trials of 1)" in answer.out
    assert "Parameters (motpe, seed 5)" in answer.out
    assert f"Files:      {runs_dir}/mine" in answer.out
    assert "MLflow:     http://host:5000" in answer.out
    assert f"Data:       digits in {tmp_path}/pictures" in answer.out


def test_a_retried_job_starts_a_search_or_continues_it(tuner: Tuner, finished: SqlLedger, small_file: str) -> None:
    del finished
    words = ("run", "--dry-run", "--resume-or-start")
    assert "Would start new" in tuner(*words, "--name", "new", "--space", small_file).out
    assert f"Would resume {SEARCH}" in tuner(*words, "--name", SEARCH).out
    refused = tuner(*words, "--space", small_file)
    assert refused.code == 2
    assert "--resume-or-start needs --name" in refused.err


def test_a_confirmation_is_shown_before_it_runs(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    completed = next(trial.number for trial in finished.load() if trial.outcome is Outcome.COMPLETED)
    answer = tuner("confirm", SEARCH, "--trial", str(completed), "--seeds", "4", "--dry-run")
    assert answer.code == 0, answer.err
    assert f"Would start {SEARCH}-confirm" in answer.out
    assert "(4 trials of 4)" in answer.out
    assert not (runs_dir / f"{SEARCH}-confirm").exists()


def test_what_cannot_be_confirmed_is_exit_code_2(tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger) -> None:
    del finished
    make_ledger(SPACE, "empty")
    for words, message in (
        (["unknown"], "There is no search named 'unknown'"),
        (["empty"], "The front of empty is empty: no trial has completed yet"),
        ([SEARCH, "--trial", "99"], f"Trial 99 of {SEARCH} does not exist"),
        ([SEARCH, "--name", "empty"], "The name 'empty' exists already"),
    ):
        answer = tuner("confirm", *words, "--dry-run")
        assert (answer.code, message in answer.err) == (2, True), answer.err


def test_a_dry_run_of_a_resumption(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    before = sorted(runs_dir.rglob("*"))
    answer = tuner("run", "--resume", SEARCH, "--trials", "20", "--dry-run")
    assert f"Would resume {SEARCH}" in answer.out
    assert "5 trials are kept, 0 continue" in answer.out
    assert sorted(runs_dir.rglob("*")) == before
    assert finished.facts()["space"]["search"]["trials"] == 5


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
        ("run --resume a --name b", ["Give one of them"]),
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


def test_an_empty_folder_lists_no_searches(tuner: Tuner, runs_dir: Path) -> None:
    answer = tuner("list")
    assert answer.code == 0
    assert f"No searches in {runs_dir} yet. Start one: python -m tuner.run --space digits_tradeoff" in answer.out
    assert tuner("list", "--format", "json") == (0, "[]\n", "")
    assert tuner("list", "--format", "csv").code == 0
    assert not runs_dir.exists()


def test_searches_are_listed(tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger, runs_dir: Path) -> None:
    Search(SPACE, make_ledger(SPACE, "begun")).next_assignment()
    make_ledger(SPACE, "lost").close()
    (runs_dir / "lost" / "ledger.db").unlink()
    rows = {row["search"]: row for row in json.loads(tuner("list", "--format", "json").out)}
    data = front_data(SEARCH, finished.load(), SPACE.objective_list, SPACE.reference)
    assert rows[SEARCH] == {
        "search": SEARCH,
        "space": "small",
        "created": "2026-01-02T03:04:05+00:00",
        "state": "finished",
        "ended": 5,
        "trials": 5,
        "front": len(data.front),
        "hypervolume": data.hypervolume,
    }
    assert (rows["begun"]["state"], rows["begun"]["ended"]) == ("unfinished", 0)
    assert rows["lost"]["state"].startswith("unreadable: There is no ledger at")
    table = tuner("list").out
    assert all(name in table for name in (SEARCH, "begun", "lost"))


def test_a_space_of_another_release_hides_no_other_search(
    tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger
) -> None:
    make_ledger(SPACE, "later").set_facts({"space": {"name": "small", "novelty": 1}})
    rows = {row["search"]: row["state"] for row in json.loads(tuner("list", "--format", "json").out)}
    assert rows[SEARCH] == "finished"
    assert rows["later"].startswith("unreadable: The space of later on record cannot be read (")
    for command in ("show later", "front later", "run --resume later"):
        answer = tuner(*command.split())
        assert answer.code == 2
        assert "use the release that wrote it." in answer.err
    assert finished.load()


def test_searches_in_a_shared_ledger_are_listed_beside_those_with_their_own(
    tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_ledger(SPACE, "shared")
    folder = SearchFolder(runs_dir / "shared")
    own.close()
    url = f"sqlite:///{(folder.path / 'ledger.db').rename(runs_dir / 'server.db')}"
    folder.freeze(SPACE, {**folder.frozen(), "ledger": "postgresql://me:***@host/db"})
    monkeypatch.setenv("TUNER_LEDGER", url)
    states = {row["search"]: row["state"] for row in json.loads(tuner("list", "--format", "json").out)}
    assert states == {SEARCH: "finished", "shared": "unfinished"}
    assert plan_resume(Request(runs_dir=runs_dir, ledger=url), "").folder == folder
    assert finished.load()


def test_without_a_name_a_search_with_its_own_ledger_is_resumed_from_it(
    make_ledger: MakeLedger, runs_dir: Path
) -> None:
    make_ledger(SPACE)
    plan = plan_resume(Request(runs_dir=runs_dir, ledger="postgresql://host/db"), "")
    assert plan.ledger_url == default_ledger_url(runs_dir / SEARCH)


def test_a_damaged_search_hides_no_other_from_the_list(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    (runs_dir / "damaged").mkdir()
    (runs_dir / "damaged" / "space.yaml").write_text("a: [")
    answer = tuner("list", "--format", "json")
    assert answer.code == 0
    states = {row["search"]: row["state"] for row in json.loads(answer.out)}
    assert states[SEARCH] == "finished"
    assert states["damaged"].startswith("unreadable: ")
    assert finished.load()


def test_a_search_is_shown_as_json(tuner: Tuner, finished: SqlLedger) -> None:
    shown = json.loads(tuner("show", SEARCH, "--format", "json").out)
    assert shown["search"] == SEARCH
    for row, trial in zip(shown["trials"], finished.load(), strict=True):
        assert (row["trial"], row["name"]) == (trial.number, f"trial-{trial.number:04d}")
        assert (row["outcome"], row["error"]) == (trial.outcome, trial.error)
        assert (row["parameters"], row["epochs_trained"]) == (trial.parameters, trial.epochs_trained)
        last = {name: trial.last_metrics[name] for name in SPACE.objectives}
        assert row["last"] == last
        assert row["final"] == (last if trial.outcome is Outcome.COMPLETED else None)


def test_a_search_is_shown_as_csv_and_as_a_table(tuner: Tuner, finished: SqlLedger) -> None:
    rows = list(csv.DictReader(io.StringIO(tuner("show", SEARCH, "--format", "csv").out)))
    assert [float(row["parameters.lambda"]) for row in rows] == [t.parameters["lambda"] for t in finished.load()]
    assert rows[0]["error"] == "Traceback\nRuntimeError: out of memory"
    assert (rows[0]["final.pgd_accuracy"], rows[1]["error"]) == ("", "")
    assert "final" not in rows[0], "it stands in a column for each metric"
    table = tuner("show", SEARCH).out
    assert f"Trials of {SEARCH}" in table
    assert sum(line.split()[:1] == [str(number)] for number in range(5) for line in table.splitlines()) >= 5


def test_a_column_without_a_value_stays_in_csv(tuner: Tuner, make_ledger: MakeLedger) -> None:
    """A program that reads it finds the columns that it knows, whatever happened in the search."""
    search = Search(SPACE, make_ledger(SPACE))
    search.next_assignment()
    (line,) = csv.DictReader(io.StringIO(tuner("show", SEARCH, "--format", "csv").out))
    assert line["error"] == ""


def test_a_nan_is_null_in_json(tuner: Tuner, make_ledger: MakeLedger) -> None:
    """NaN is no JSON, and other programs refuse it."""
    search = Search(SPACE, make_ledger(SPACE))
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": float("nan"), "pgd_accuracy": 0.5}, None)

    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    shown = json.loads(tuner("show", SEARCH, "--format", "json").out, parse_constant=refuse)
    assert shown["trials"][0]["last"] == {"natural_accuracy": None, "pgd_accuracy": 0.5}


def test_the_front_is_shown_and_its_files_are_written(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    data = front_data(SEARCH, finished.load(), SPACE.objective_list, SPACE.reference)
    answer = tuner("front", SEARCH)
    assert answer.code == 0
    assert f"Pareto front of {SEARCH}" in answer.out
    for name in ("front.csv", "front.json", "front.html", "front.png"):
        assert f"  {runs_dir}/{SEARCH}/{name}" in answer.out
        assert (runs_dir / SEARCH / name).stat().st_size > 0
    rows = json.loads(tuner("front", SEARCH, "--format", "json").out)
    assert rows == [{"trial": p.number, **p.metrics, **p.parameters, "epochs": p.epochs} for p in data.front]
    printed = list(csv.DictReader(io.StringIO(tuner("front", SEARCH, "--format", "csv").out)))
    assert [int(row["trial"]) for row in printed] == [point.number for point in data.front]


def test_the_front_of_a_search_without_one_says_so(tuner: Tuner, make_ledger: MakeLedger) -> None:
    Search(SPACE, make_ledger(SPACE)).next_assignment()
    assert "No trial has completed yet" in tuner("front", SEARCH).out
    assert tuner("front", SEARCH, "--format", "json").out == "[]\n"


def test_a_search_is_written_into_mlflow_by_hand(tuner: Tuner, finished: SqlLedger, mlflow_uri: str) -> None:
    from mlflow import MlflowClient

    for _ in range(2):
        answer = tuner("sync", SEARCH, "--tracking-uri", mlflow_uri)
        assert answer == (0, f"{SEARCH}: 5 trials are in MLflow at {mlflow_uri}\n", "")
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 6
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    files = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert files == {"space.yaml", "front.csv", "front.json", "front.html", "front.png", "front.svg"}
    assert finished.load()


def test_a_search_of_failures_is_written_as_failed(tuner: Tuner, make_ledger: MakeLedger, mlflow_uri: str) -> None:
    from mlflow import MlflowClient

    space = small_space(search={"trials": 1}).model_copy(update={"name": "failures"})
    search = Search(space, make_ledger(space))
    search.next_assignment()
    search.fail(0, "out of memory")
    assert tuner("sync", SEARCH, "--tracking-uri", mlflow_uri).code == 0
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("failures")
    assert experiment is not None
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED", "FAILED"]


def test_an_interrupted_search_is_written_as_the_terminal_shows_it(
    tuner: Tuner, make_ledger: MakeLedger, mlflow_uri: str
) -> None:
    from mlflow import MlflowClient

    space = small_space().model_copy(update={"name": "interrupted"})
    Search(space, make_ledger(space)).next_assignment()
    assert tuner("sync", SEARCH, "--tracking-uri", mlflow_uri).code == 0
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("interrupted")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"KILLED", "SCHEDULED"}
    (note,) = [run.data.tags["mlflow.note.content"] for run in runs if "mlflow.note.content" in run.data.tags]
    assert note.startswith("Trials: 1 interrupted.")
    assert "Trials: 1 interrupted." in " ".join(tuner("show", SEARCH).out.split())


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


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("45m", 2700), ("12h", 43200), ("2d", 172800), ("0.5h", 1800), ("1e3s", 1000)]
)
def test_durations_have_a_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "s", "0s", "-1h", "1 week", "nand", "infs"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"--time-budget is '{text}', but must be a number with a unit: 90s, 45m"):
        seconds(text)


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        (["--resume"], ["--resume="]),
        (["--resume", "--trials", "3"], ["--resume=", "--trials", "3"]),
        (["--resume", "a", "--trials", "3"], ["--resume", "a", "--trials", "3"]),
        (["--resume=a"], ["--resume=a"]),
        (["--space", "x"], ["--space", "x"]),
        ([], []),
    ],
)
def test_resume_needs_no_name(given: list[str], completed: list[str]) -> None:
    assert with_resume_value(given) == completed


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
