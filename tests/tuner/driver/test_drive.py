"""A driver from start to end: how it ends, what it prints, what an interruption leaves."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from simulated_driver import Driver, FrontAsJson, interrupted, refused, to_the_end
from simulated_search import measured

from tuner.driver.preflight import CheckedData
from tuner.driver.progress.summary import REASONS
from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger, TakenOverError
from tuner.report.load import load_search
from tuner.runs.lock import driver_lock
from tuner.search import Search
from tuner.space import Space
from tuner.steering.arguments import with_settings

POINT = {"alpha": 0.5, "lambda": 0.5, "bottleneck": 16}


@pytest.fixture
def driver(runs_dir: Path) -> Driver:
    return Driver(runs_dir)


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
    opening = driver.text.splitlines()[0]
    assert all(place in opening for place in (str(driver.folder().path), "mlflow.db"))
    assert "tuner front small-1" in driver.text
    assert ["Data: train: " in line or "Data: test: " in line for line in driver.text.splitlines()].count(True) == 2
    with driver.folder().ledger() as ledger:
        assert ledger.facts()["classes"] == 10
    assert load_search(driver.runs_dir, "small-1").data.classes == 10


def test_an_interrupted_search_prints_its_resume_command_and_goes_on(driver: Driver) -> None:
    assert driver.run(interrupted) == 130
    assert driver.projection.statuses == ["KILLED"]
    command = f"tuner run --resume small-1 --runs-dir {driver.runs_dir}"
    assert REASONS[Ending.INTERRUPTED] in driver.text
    assert driver.text.splitlines()[-1] == f"  {command}"
    assert driver.run(to_the_end, resume="small-1") == 0
    assert len(driver.trials()) == 3
    assert driver.run(to_the_end, resume="small-1", trials=5) == 0
    assert len(driver.trials()) == 5
    assert driver.folder().space().search.trials == 5


class LostInputs(FrontAsJson):
    """Refuses to start: a checkpoint that is to be measured is gone."""

    def require_inputs(self, runs_dir: Path) -> None:
        raise UsageError("The weights of trial 7 are gone.", runs_dir)


def test_what_a_trial_needs_is_checked_unless_a_resumption_gives_such_trials_up(driver: Driver) -> None:
    lost = {"presentation_of": lambda _: LostInputs()}
    no_retries = ["search.max_failures=0"]
    refused(driver, driver.runs_dir, overrides=no_retries, **lost)
    driver.run(interrupted)
    with raises_about(UsageError, driver.runs_dir):
        driver.run(to_the_end, resume="small-1", **lost)
    assert driver.run(to_the_end, resume="small-1", overrides=no_retries, **lost) == 0


def test_a_used_time_budget_is_no_error(driver: Driver) -> None:
    assert driver.run(out_of_time, time_budget_seconds=60) == 0
    assert REASONS[Ending.OUT_OF_TIME] in driver.text
    assert driver.text.splitlines()[-1].startswith("  tuner run --resume small-1")
    assert driver.projection.statuses == ["KILLED"]


def test_a_search_of_failures_fails_with_the_last_reason(driver: Driver) -> None:
    assert driver.run(all_fail) == 1
    assert driver.text.splitlines()[-1].endswith("RuntimeError: out of memory")
    assert "KeyError: 1" in driver.text, "the crash before the last one"


def test_a_crash_after_the_last_trial_changes_no_result(driver: Driver) -> None:
    def crash_at_the_end(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
        to_the_end(search, folder, options, events)
        raise FileNotFoundError(2, "No such file or directory")

    assert driver.run(crash_at_the_end) == 0
    assert driver.projection.statuses == ["FINISHED"]


def test_a_crash_of_the_session_closes_mlflows_run_as_failed(driver: Driver) -> None:
    assert driver.run(crash) == 1
    assert "Ray went away" in driver.text
    assert "tuner run --resume small-1" in driver.text
    assert driver.projection.statuses == ["FAILED"]
    assert driver.run(to_the_end, resume="small-1") == 0


def test_quiet_prints_the_result_only(driver: Driver) -> None:
    driver.run(to_the_end, verbosity=-1)
    assert "trial 0" not in driver.text
    assert "mlflow.db" not in driver.text, "no opening"
    assert "train: " not in driver.text
    assert "tuner front small-1" in driver.text


@pytest.mark.parametrize("verbosity", [-1, 0])
def test_images_that_are_left_out_are_told_even_if_quiet(
    driver: Driver, caplog: pytest.LogCaptureFixture, verbosity: int
) -> None:
    def check_data(space: Space) -> CheckedData:
        checked = driver.environment.check_data(space)
        return replace(checked, contents=(*checked.contents, "3 .gif files"), left_out=("3 .gif files",))

    driver.run(to_the_end, verbosity=verbosity, check_data=check_data)
    assert [driver.text, *caplog.messages][verbosity].count("3 .gif files") == 1
    assert (driver.text + "".join(caplog.messages)).count("3 .gif files") == 1


def test_verbose_prints_every_epoch(driver: Driver) -> None:
    driver.run(to_the_end, verbosity=1)
    told = [line for line in driver.text.splitlines() if line.startswith("trial 0 ") and "epoch" in line]
    assert len(told) == 10, "nine epochs and the end"


def test_an_interruption_before_the_search_began_leaves_nothing(driver: Driver) -> None:
    def connect(address: str | None, modules: Sequence[Path]) -> None:
        del address, modules
        os.kill(os.getpid(), signal.SIGTERM)

    assert driver.run(to_the_end, connect=connect) == 130
    assert driver.text.startswith(REASONS[Ending.INTERRUPTED])
    assert "--resume" not in driver.text, "there is nothing to continue"
    assert not driver.runs_dir.exists()
    driver.run(interrupted)
    assert driver.run(to_the_end, resume="small-1", connect=connect) == 130
    assert driver.text.startswith(REASONS[Ending.INTERRUPTED])
    assert "\n  tuner run --resume small-1" in driver.text


def test_an_interruption_while_the_lock_is_taken_leaves_no_folder(driver: Driver) -> None:
    def lock(*arguments: object) -> None:
        del arguments
        raise KeyboardInterrupt

    assert driver.run(to_the_end, lock=lock) == 130
    assert driver.text.startswith(REASONS[Ending.INTERRUPTED])
    assert "--resume" not in driver.text
    assert not driver.runs_dir.exists()


def test_an_interruption_after_the_end_says_what_there_is(driver: Driver) -> None:
    @contextmanager
    def lock(folder: Path, ledger_url: str) -> Iterator[None]:
        with driver_lock(folder, ledger_url):
            yield
        os.kill(os.getpid(), signal.SIGTERM)

    assert driver.run(to_the_end, lock=lock) == 130
    assert "tuner front small-1" in driver.text
    assert driver.text.splitlines()[-1].startswith("  tuner run --resume small-1")


def test_an_interruption_while_mlflow_is_closed_ends_the_waiting(driver: Driver) -> None:
    def slow(status: str) -> None:
        del status
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()

    driver.projection.close = slow
    assert driver.run(to_the_end) == 0
    assert f"`tuner sync small-1 --runs-dir {driver.runs_dir}`" in driver.text
    assert "tuner front small-1" in driver.text


@pytest.mark.parametrize(("options", "trials"), [({}, 5), ({"trials": 4}, 4)])
def test_a_resume_keeps_what_the_driver_before_was_told_while_it_ended(
    driver: Driver, options: dict[str, int], trials: int
) -> None:
    driver.run(interrupted)

    @contextmanager
    def lock(folder: Path, ledger_url: str) -> Iterator[None]:
        search = driver.folder()
        with search.ledger() as ledger:
            longer = with_settings(Space.model_validate(ledger.facts()["space"]), {"search.trials": 5})
            search.freeze(longer, search.frozen())
            ledger.set_facts({"space": longer.model_dump(mode="json")})
        with driver_lock(folder, ledger_url):
            yield

    assert driver.run(to_the_end, resume="small-1", lock=lock, **options) == 0
    assert len(driver.trials()) == trials


@pytest.mark.parametrize(
    "write", [Search.next_assignment, lambda search: search.report(1, 1, measured(POINT, 1), "there")]
)
def test_a_driver_that_was_taken_over_leaves_the_search_to_the_other(
    driver: Driver, write: Callable[[Search], object]
) -> None:
    raised: list[TakenOverError] = []

    def taken_over(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
        interrupted(search, folder, options, events)
        other = SqlLedger.open(f"sqlite:///{folder / 'ledger.db'}", folder.name)
        other.take_over()
        other.close()
        try:
            write(search)
        except TakenOverError as error:  # as Ray does with whatever is raised while it handles a report
            raised.append(error)
            raise RuntimeError(f"Traceback of {error!r}") from None
        raise AssertionError

    assert driver.run(taken_over) == 1
    assert raised[0].subject == ("small-1", 2), "the search and its present driver"
    assert str(raised[0]) in driver.text
    assert driver.projection.statuses == [], "the run in MLflow is the other driver's"
    assert driver.run(to_the_end, resume="small-1") == 0


@pytest.mark.parametrize(
    ("flags", "fact"),
    [
        ({"tracking_uri": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"tracking_uri": "nonsense"}, "--tracking-uri 'nonsense'"),
        ({"ledger": "nonsense"}, "nonsense"),
        ({"ledger": "sqlite:////proc/nowhere/ledger.db"}, "sqlite:////proc/nowhere/ledger.db"),
        ({"overrides": ["dataset=folder"], "data_root": Path("/nowhere")}, "/nowhere"),
        ({"cpus_per_trial": 99}, "--cpus-per-trial 2"),
        ({"gpus_per_trial": 1}, "--gpus-per-trial 0"),
    ],
)
def test_what_cannot_run_is_refused_with_nothing_written(driver: Driver, flags: dict[str, Any], fact: str) -> None:
    with pytest.raises(UsageError) as caught:
        driver.run(to_the_end, **flags)
    assert fact in str(caught.value)
    assert not driver.runs_dir.exists()


def test_a_stop_rule_that_ends_a_search_is_told(driver: Driver) -> None:
    assert driver.run(to_the_end, overrides=["search.max_epochs=1"]) == 0
    assert "search.max_epochs is 1" in driver.text.splitlines()[-1]
    assert driver.run(to_the_end, name="all") == 0
    assert "search.max_epochs" not in driver.text


def test_an_mlflow_that_is_away_keeps_no_search_from_being_resumed(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.run(interrupted)
    assert driver.run(to_the_end, resume="small-1", tracking_uri="http://127.0.0.1:1") == 0
    (warning,) = caplog.messages
    assert "http://127.0.0.1:1" in warning
    with pytest.raises(UsageError) as caught:
        driver.run(to_the_end, resume="small-1", tracking_uri="nonsense", trials=4)
    assert "--tracking-uri 'nonsense'" in str(caught.value)
