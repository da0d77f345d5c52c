"""A driver from start to end, with simulated trials in place of Ray and a projection that only listens."""

import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from simulated_search import drive, measured, small_space, space_mapping, train

from tuner.confirm.presentation import SearchPresentation
from tuner.driver.create import provenance, remove_incomplete
from tuner.driver.drive import drive_search
from tuner.driver.environment import Environment
from tuner.driver.plan import Plan, Request, plan_new, plan_resume
from tuner.engine.cluster import require_resources
from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger, TakenOverError, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.front_files import front_json
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import write_whole
from tuner.search import Search

Session = Callable[[Search, Path, SessionOptions, SessionEvents], Ending]
POINT = {"alpha": 0.5, "lambda": 0.5, "bottleneck": 16}


class FakeProjection:
    """Takes the place of MLflow."""

    experiment_id = None

    def __init__(self) -> None:
        self.trials: Sequence[TrialRecord] = []
        self.statuses: list[str] = []

    def write(self, trials: Sequence[TrialRecord], front: FrontData, rest: Callable[[], None] = lambda: None) -> None:
        del front, rest
        self.trials = trials

    def write_files(self, files: Sequence[Path]) -> None:
        assert all(file.is_file() for file in files)

    def close(self, status: str) -> None:
        self.statuses.append(status)


class FrontAsJson(SearchPresentation):
    """Writes one of the files of a front: the pictures take a second."""

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        return [write_whole(folder / "front.json", front_json(data).encode())]


class Driver:
    """Drives searches in this process and keeps what was printed."""

    def __init__(self, runs_dir: Path) -> None:
        self._space = runs_dir.parent / "small.yaml"
        self._space.write_text(yaml.safe_dump(space_mapping(search={"trials": 3})))
        self.runs_dir = runs_dir
        self.projection: Any = FakeProjection()
        self.text = ""
        self.environment = Environment(
            connect=lambda _: None,
            disconnect=lambda: None,
            require_resources=partial(require_resources, nodes=lambda: [{"CPU": 2}]),
            projection_of=lambda *_: self.projection,
            presentation_of=lambda _: FrontAsJson(),
        )

    def run(self, session: Session, resume: str | None = None, **options: Any) -> int:
        """Plan and drive a search whose session is `session`; options of the environment replace its own."""
        collaborators = {field.name for field in fields(Environment)}
        changes = {name: options.pop(name) for name in collaborators & options.keys()}
        request = self.request(**options) if resume is None else Request(runs_dir=self.runs_dir, **options)
        plan = plan_new(request) if resume is None else plan_resume(request, resume)
        return self.drive(plan, request, session, **changes)

    def request(self, **flags: Any) -> Request:
        """Return the request for a new search."""
        return Request(space=str(self._space), runs_dir=self.runs_dir, **flags)

    def drive(self, plan: Plan, request: Request, session: Session, **changes: Any) -> int:
        """Drive a planned search."""
        screen = StringIO()
        environment = replace(self.environment, run_session=session, **changes)
        code = drive_search(plan, request, Console(file=screen, width=200), environment)
        self.text = screen.getvalue()
        return code

    def folder(self, name: str = "small-1") -> SearchFolder:
        """Return the folder of a search."""
        return SearchFolder(self.runs_dir / name)

    def trials(self, name: str = "small-1") -> list[TrialRecord]:
        """Read what is on record."""
        with self.folder(name).ledger() as ledger:
            return ledger.load()


@pytest.fixture
def driver(runs_dir: Path) -> Driver:
    return Driver(runs_dir)


def to_the_end(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    del folder, options, events
    drive(search)
    return Ending.FINISHED


def interrupted(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    del folder, options, events
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    search.next_assignment()
    return Ending.INTERRUPTED


def out_of_time(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    assert options.time_budget_seconds == 60
    interrupted(search, folder, options, events)
    return Ending.OUT_OF_TIME


def all_fail(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    del folder, options
    while (assignment := search.next_assignment()) is not None:
        events.on_retry(assignment.number, "Traceback\nKeyError: 1")
        search.fail(assignment.number, "Traceback\nRuntimeError: out of memory")
    return Ending.FINISHED


def crash(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    interrupted(search, folder, options, events)
    raise RuntimeError("Ray went away")


def test_a_search_that_ends_is_written_shown_and_closed(driver: Driver) -> None:
    assert driver.run(to_the_end) == 0
    assert all(trial.outcome is not Outcome.RUNNING for trial in driver.trials())
    assert driver.projection.statuses == ["FINISHED"]
    assert [trial.number for trial in driver.projection.trials] == [0, 1, 2]
    front = json.loads((driver.folder().path / "front.json").read_text())
    assert front["front"]
    assert driver.text.startswith(f"Starting small-1: 3 trials. Files: {driver.folder().path}")
    assert "Pareto front of small-1" in driver.text
    assert "Next:" in driver.text


def test_the_frozen_space_and_the_ledger_know_the_search(driver: Driver) -> None:
    driver.run(to_the_end, name="mine", trials=2)
    frozen = driver.folder("mine").frozen()
    with driver.folder("mine").ledger() as ledger:
        facts = ledger.facts()
    assert frozen["search_id"] == facts["search_id"]
    assert frozen["search_id"].startswith("mine-")
    assert facts["versions"] == frozen["versions"]
    assert facts["space"] == driver.folder("mine").space().model_dump(mode="json")
    assert driver.folder("mine").space().search.trials == 2


def test_an_interrupted_search_prints_its_resume_command_and_goes_on(driver: Driver) -> None:
    assert driver.run(interrupted) == 130
    assert driver.projection.statuses == ["KILLED"]
    command = f"tuner run --resume small-1 --runs-dir {driver.runs_dir}"
    assert f"Interrupted. Nothing is lost. Continue with:\n  {command}\n" in driver.text
    assert driver.run(to_the_end, resume="small-1") == 0
    assert driver.text.startswith("Resuming small-1: 3 trials.")
    assert len(driver.trials()) == 3
    assert driver.run(to_the_end, resume="small-1", trials=5) == 0
    assert len(driver.trials()) == 5
    assert driver.folder().space().search.trials == 5


def test_a_used_time_budget_is_no_error(driver: Driver) -> None:
    assert driver.run(out_of_time, time_budget_seconds=60) == 0
    assert "The time budget is used up. Nothing is lost. Continue with:\n  tuner run --resume" in driver.text
    assert driver.projection.statuses == ["KILLED"]


def test_a_search_of_failures_fails_with_the_last_reason(driver: Driver) -> None:
    assert driver.run(all_fail) == 1
    assert "The search failed: all its trials failed. The last one: RuntimeError: out of memory" in driver.text
    assert "trial 0 crashed and starts again from its last checkpoint: KeyError: 1" in driver.text


def test_a_crash_of_the_session_closes_mlflows_run_as_failed(driver: Driver) -> None:
    assert driver.run(crash) == 1
    assert "The search broke off: Ray went away" in driver.text
    assert "tuner run --resume small-1" in driver.text
    assert driver.projection.statuses == ["FAILED"]
    assert driver.run(to_the_end, resume="small-1") == 0


def test_quiet_prints_the_result_only(driver: Driver) -> None:
    driver.run(to_the_end, verbosity=-1)
    assert "trial 0" not in driver.text
    assert "Starting" not in driver.text
    assert "Pareto front of small-1" in driver.text


def test_verbose_prints_every_epoch(driver: Driver) -> None:
    driver.run(to_the_end, verbosity=1)
    assert "trial 0 finished epoch 2: Natural" in driver.text


def refused(driver: Driver, match: str, **flags: Any) -> None:
    def no_session(*arguments: object) -> Ending:
        raise AssertionError(arguments)

    with pytest.raises(UsageError, match=match):
        driver.run(no_session, **flags)


def test_a_search_that_was_killed_while_it_was_made_is_begun_anew(driver: Driver) -> None:
    folder = driver.runs_dir / "mine"
    folder.mkdir(parents=True)
    (folder / "driver.lock").touch()
    SqlLedger.create(f"sqlite:///{folder / 'ledger.db'}", "mine", small_space().objective_list, {}).close()
    assert driver.run(to_the_end, name="mine") == 0
    assert (folder / "space.yaml").is_file()
    before = driver.trials("mine")
    with pytest.raises(UsageError, match="continue it with --resume mine"):
        remove_incomplete(plan_resume(Request(runs_dir=driver.runs_dir), "mine"))
    assert driver.trials("mine") == before, "a search that is whole is never cleared"


def test_a_search_that_was_killed_while_it_was_made_is_begun_anew_in_a_shared_ledger(
    driver: Driver, tmp_path: Path
) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db"
    folder = SearchFolder(driver.runs_dir / "mine")
    folder.path.mkdir(parents=True)
    folder.write_creation_mark("mine-0a1b2c3d")
    SqlLedger.create(shared, "mine", small_space().objective_list, {"search_id": "mine-0a1b2c3d"}).close()
    SqlLedger.create(shared, "another", small_space().objective_list, {"search_id": "another-0a1b2c3d"}).close()
    assert driver.run(to_the_end, name="mine", ledger=shared) == 0
    assert len(driver.trials("mine")) == 3
    assert sorted(path.name for path in folder.path.glob("*.tmp")) == []
    refused(driver, r"\'another\'.*--name", name="another", ledger=shared)


def test_an_interruption_before_the_search_began_leaves_nothing(driver: Driver) -> None:
    def connect(address: str | None) -> None:
        del address
        os.kill(os.getpid(), signal.SIGTERM)

    assert driver.run(to_the_end, connect=connect) == 130
    assert driver.text == "Interrupted. The search had not begun.\n"
    assert not driver.runs_dir.exists()
    driver.run(interrupted)
    assert driver.run(to_the_end, resume="small-1", connect=connect) == 130
    assert driver.text.startswith("Interrupted. ")
    assert "\n  tuner run --resume small-1" in driver.text


def test_an_interruption_while_the_lock_is_taken_leaves_no_folder(driver: Driver) -> None:
    def lock(*arguments: object) -> None:
        del arguments
        raise KeyboardInterrupt

    assert driver.run(to_the_end, lock=lock) == 130
    assert driver.text == "Interrupted. The search had not begun.\n"
    assert not driver.runs_dir.exists()


def test_an_interruption_after_the_end_says_what_there_is(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(ledger: SqlLedger) -> None:
        closed(ledger)
        os.kill(os.getpid(), signal.SIGTERM)

    closed = SqlLedger.close
    with monkeypatch.context() as patched:
        patched.setattr(SqlLedger, "close", close)
        assert driver.run(to_the_end) == 130
    assert "Pareto front of small-1" in driver.text
    assert "had not begun" not in driver.text
    assert "tuner run --resume small-1" in driver.text


@pytest.mark.parametrize("refusing", ["ftruncate", "write"])
def test_a_disk_that_is_full_before_the_search_begins_is_named(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", *arguments[:0])

    monkeypatch.setattr(f"tuner.runs.lock.os.{refusing}", full)
    refused(driver, r"driver\.lock cannot be written: .*No space left on device.*Check the space")
    assert not driver.runs_dir.exists()


def test_an_interruption_while_mlflow_is_closed_ends_the_waiting(driver: Driver) -> None:
    def slow(status: str) -> None:
        del status
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()

    driver.projection.close = slow
    assert driver.run(to_the_end) == 0
    assert "MLflow is not complete: write the rest with `tuner sync small-1`." in driver.text
    assert "Pareto front of small-1" in driver.text


@pytest.mark.parametrize(
    "write", [Search.next_assignment, lambda search: search.report(1, 1, measured(POINT, 1), "there")]
)
def test_a_driver_that_was_taken_over_leaves_the_search_to_the_other(
    driver: Driver, write: Callable[[Search], object]
) -> None:
    def taken_over(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
        interrupted(search, folder, options, events)
        other = SqlLedger.open(f"sqlite:///{folder / 'ledger.db'}", folder.name)
        other.take_over()
        other.close()
        try:
            write(search)
        except TakenOverError as error:  # as Ray does with whatever is raised while it handles a report
            raise RuntimeError(f"Traceback of {error!r}") from None
        raise AssertionError

    assert driver.run(taken_over) == 1
    assert "driver number 2" in driver.text
    assert driver.projection.statuses == [], "the run in MLflow is the other driver's"
    assert driver.run(to_the_end, resume="small-1") == 0


def test_a_search_remembers_what_it_was_made_with() -> None:
    made = provenance()
    assert set(made["versions"]) >= {"python", "torch", "ray", "optuna", "mlflow", "numpy", "robust-tuner"}
    assert made["created"].endswith("+00:00")


def test_other_versions_than_at_the_beginning_are_told(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    driver.run(interrupted)
    assert driver.run(interrupted, resume="small-1") == 130
    assert caplog.messages == []
    folder = driver.folder()
    versions = dict.fromkeys(folder.frozen()["versions"], "0.0")
    folder.freeze(folder.space(), {**folder.frozen(), "versions": versions})
    assert driver.run(to_the_end, resume="small-1") == 0
    (warning,) = caplog.messages
    now = provenance()["versions"]
    assert all(f"{package} 0.0 (now {now[package]})" in warning for package in versions)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"tracking_uri": "http://127.0.0.1:1"}, r"MLflow does not answer at http://127\.0\.0\.1:1"),
        ({"tracking_uri": "nonsense"}, "--tracking-uri 'nonsense' must be a URI"),
        ({"ledger": "nonsense"}, "The ledger nonsense is not a database's URL"),
        (
            {"ledger": "sqlite:////proc/nowhere/ledger.db"},
            "The ledger sqlite:////proc/nowhere/ledger.db cannot be used: unable to open database file",
        ),
        ({"overrides": ["dataset=folder"], "data_root": Path("/nowhere")}, "/nowhere"),
        ({"cpus_per_trial": 99}, "small asks for 99 CPU a trial, but Ray has 2 CPU here"),
        ({"gpus_per_trial": 1}, "small asks for 1 GPU a trial, but Ray has 0 GPU here"),
    ],
)
def test_what_cannot_run_is_refused_with_nothing_written(driver: Driver, flags: dict[str, Any], match: str) -> None:
    refused(driver, match, **flags)
    assert not driver.runs_dir.exists()


def test_a_runs_folder_that_cannot_be_made_is_named(driver: Driver) -> None:
    driver.runs_dir.write_text("a file")
    refused(driver, f"The folder {driver.runs_dir}/small-1 cannot be made: .*--runs-dir")


def test_two_unnamed_searches_planned_at_the_same_moment_get_two_names(driver: Driver) -> None:
    request = driver.request()
    first, second = plan_new(request), plan_new(request)
    assert first.folder == second.folder
    for plan in (first, second):
        driver.drive(plan, request, to_the_end)
    for name in ("small-1", "small-2"):
        assert len(driver.trials(name)) == 3
        assert (driver.folder(name).path / "ledger.db").is_file()


def test_a_name_that_another_driver_took_meanwhile_is_refused(driver: Driver) -> None:
    request = driver.request(name="mine")
    plan = plan_new(request)
    driver.drive(plan, request, to_the_end)
    with pytest.raises(UsageError, match="The name 'mine' exists already"):
        driver.drive(plan, request, to_the_end)


def test_without_a_lock_no_folder_is_left(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available", file, operation)

    monkeypatch.setattr("tuner.runs.lock.fcntl.flock", flock)
    refused(driver, "has no locks")
    assert not driver.runs_dir.exists()


def test_a_name_that_another_machine_took_in_a_shared_ledger_is_refused(driver: Driver, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db?timeout=9"
    driver.run(to_the_end, ledger=shared)
    frozen = driver.folder().frozen()
    assert frozen["ledger"] == shared
    assert not (driver.folder().path / "ledger.db").exists()
    assert len(driver.trials()) == 3
    shutil.rmtree(driver.runs_dir)
    refused(driver, r"\'small-1\'.*--name", ledger=shared)
    assert not driver.runs_dir.exists()


def test_a_runs_folder_may_be_moved(driver: Driver, tmp_path: Path) -> None:
    """MLflow's default store and the ledger lie beside the search, wherever that is now."""
    driver.run(interrupted)
    moved = tmp_path / "moved"
    shutil.move(driver.runs_dir, moved)
    plan = plan_resume(Request(runs_dir=moved), "small-1")
    assert plan.tracking_uri == f"sqlite:///{moved}/mlflow.db"
    assert plan.ledger_url == f"sqlite:///{moved}/small-1/ledger.db"


def test_a_tracking_uri_is_remembered(driver: Driver, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/other.db"
    driver.run(interrupted, tracking_uri=uri)
    assert plan_resume(Request(runs_dir=driver.runs_dir), "small-1").tracking_uri == uri


def test_a_warm_start_is_in_the_ledger_and_in_the_frozen_space(driver: Driver) -> None:
    driver.run(to_the_end, name="old")
    driver.run(to_the_end, name="new", warm_start=["old"])
    assert "Warm start: the sampler learns from 3 trials of old." in driver.text
    assert driver.folder("new").frozen()["warm_start"] == {"old": 3}
    with driver.folder("new").ledger() as ledger:
        assert [trial["number"] for trial in ledger.facts()["warm_start"]] == [0, 1, 2]
    assert len(driver.trials("new")) == 3


def test_a_stop_rule_that_ends_a_search_is_told(driver: Driver) -> None:
    assert driver.run(to_the_end, overrides=["search.max_epochs=1"]) == 0
    assert "Ended after 1 trials: the trials have trained 9 epochs, and search.max_epochs is 1." in driver.text
    assert driver.run(to_the_end, name="all") == 0
    assert "Ended after" not in driver.text


def test_an_mlflow_that_is_away_keeps_no_search_from_being_resumed(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.run(interrupted)
    assert driver.run(to_the_end, resume="small-1", tracking_uri="http://127.0.0.1:1") == 0
    (warning,) = caplog.messages
    assert warning.startswith("MLflow does not answer at http://127.0.0.1:1")
    with pytest.raises(UsageError, match="--tracking-uri 'nonsense' must be a URI"):
        driver.run(to_the_end, resume="small-1", tracking_uri="nonsense", trials=4)


def test_a_search_that_could_not_be_written_leaves_its_name_free_in_a_shared_ledger(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db"

    def full(path: Path, content: bytes) -> None:
        del content
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("tuner.runs.folder.write_whole", full)
        refused(driver, "small-1 cannot be written: .*No space left.*Check its space", ledger=shared)
    assert not driver.runs_dir.exists()
    assert driver.run(to_the_end, ledger=shared) == 0
