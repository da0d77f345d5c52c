"""`tuner status`, `add`, `stop` and `set`, with a driver that answers and without one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated_search import SEARCH, drive, small_space
from typed_commands import Tuner

from tuner.driver.plan import Request, plan_resume
from tuner.ledger import InstructionState, Outcome, SqlLedger
from tuner.runs.lock import only_driver
from tuner.search import Search
from tuner.steering.decide import STOPPED_BY_USER
from tuner.steering.steering import Steering

Begin = Callable[[], Search]


@pytest.fixture
def begin(ledger: SqlLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Return a function that begins to drive the search; its driver looks for instructions while a command waits."""
    with only_driver(runs_dir / SEARCH):

        def started() -> Search:
            search = Search(small_space(), ledger)
            steering = Steering(search, ledger, clock=iter(range(0, 10**6, 2)).__next__)
            monkeypatch.setattr("tuner.cli.instructing.time.sleep", lambda _: steering.poll())
            return search

        yield started


def status(tuner: Tuner) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tuner("status", SEARCH, "--format", "json").out)
    return found


def test_the_driver_answers_while_the_command_waits(tuner: Tuner, ledger: SqlLedger, begin: Begin) -> None:
    search = begin()
    search.next_assignment()
    assert tuner("add", SEARCH, "alpha=1/4", "bottleneck=16").code == 0
    assert tuner("set", SEARCH, "search.trials=20", "concurrency=2").code == 0
    assert tuner("stop", SEARCH, "0").code == 0
    assert [trial.error for trial in ledger.load()] == [STOPPED_BY_USER]
    assert ledger.enqueued() == {1: {"alpha": 0.25, "bottleneck": 16}}
    assert search.space.search.trials == 20
    assert [one.state for one in ledger.instructions()] == [InstructionState.OBEYED] * 3
    assert all(str(one.answer) in tuner("status", SEARCH).out for one in ledger.instructions())


def test_a_refused_instruction_is_exit_code_1(tuner: Tuner, ledger: SqlLedger, begin: Begin) -> None:
    begin()
    ledger.set_facts({"space": small_space(search={"max_epochs": 1}).model_dump(mode="json")})
    ledger.record(ledger.propose({"alpha": 0.5, "lambda": 1.0, "bottleneck": 8}, small_space().distributions()), two())
    search = begin()
    search.space = small_space(search={"max_epochs": 1})
    answer = tuner("add", SEARCH, "alpha=0.5")
    assert answer.code == 1
    assert str(ledger.instructions()[-1].answer) in answer.out


def two() -> Any:
    from tuner.ledger import Decision, Report

    return Report(2, {}, rung=False, decision=Decision.CONTINUE, checkpoint=None, time=0.0)


def test_without_a_driver_an_instruction_is_kept_for_the_next_resume(
    tuner: Tuner, ledger: SqlLedger, runs_dir: Path
) -> None:
    drive(Search(small_space(), ledger))
    assert status(tuner)["state"] == "finished"
    answer = tuner("set", SEARCH, "search.trials=20")
    assert answer.code == 0
    assert f"tuner run --resume {SEARCH} --runs-dir {runs_dir}" in answer.out
    assert [one["state"] for one in status(tuner)["instructions"]] == ["waiting"]
    assert plan_resume(Request(runs_dir=runs_dir), SEARCH).is_resume
    resumed = tuner("run", "--resume=", "--dry-run")
    assert (resumed.code, SEARCH in resumed.out) == (0, True), "it is unfinished again"


def test_a_search_that_does_not_run_needs_no_stop(tuner: Tuner, ledger: SqlLedger) -> None:
    assert tuner("stop", SEARCH).code == 0
    assert ledger.instructions() == []


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["add", SEARCH, "alpha=3"], "alpha"),
        (["add", SEARCH, "gamma=3"], "gamma"),
        (["add", SEARCH, "alpha"], "'alpha'"),
        (["add", SEARCH, "alpha=0.1", "alpha=0.2"], "alpha"),
        (["set", SEARCH, "search.trials=0"], "search.trials"),
        (["set", SEARCH, "search.trial=9"], "search.trials"),
        (["set", SEARCH, "trial.epochs=9"], "trial.epochs"),
        (["set", SEARCH, "concurrency=none"], "concurrency"),
        (["stop", SEARCH, "5"], "5"),
        (["status", "unknown"], "'unknown'"),
    ],
)
def test_what_no_driver_can_obey_is_refused_at_once(
    tuner: Tuner, ledger: SqlLedger, words: list[str], fact: str
) -> None:
    answer = tuner(*words)
    assert (answer.code, answer.out, fact in answer.err) == (2, "", True)
    assert "Traceback" not in answer.err
    assert ledger.instructions() == []


def test_a_status_tells_driver_trials_and_what_is_left(
    tuner: Tuner, ledger: SqlLedger, runs_dir: Path, begin: Begin
) -> None:
    search = begin()
    search.next_assignment()
    found = status(tuner)
    assert (found["state"], found["outcomes"], found["epochs"]) == ("running", {"running": 1}, 0)
    assert found["left_seconds"] is None
    process, _, host = (runs_dir / SEARCH / "driver.lock").read_text().split(maxsplit=2)
    assert (str(found["process"]), found["host"]) == (process, host.strip())
    search.report(0, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, None)
    assert status(tuner)["left_seconds"] >= 0
    assert tuner("status", SEARCH, "--format", "csv").code == 0
    assert ledger.trial(0).outcome is Outcome.RUNNING


def test_a_search_that_is_deleted_while_a_command_waits_is_said_to_be_gone(
    tuner: Tuner, ledger: SqlLedger, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin()
    monkeypatch.setattr("tuner.cli.instructing.time.sleep", lambda _: ledger._delete_rows())
    answer = tuner("set", SEARCH, "search.trials=9")
    assert answer.code == 2
    assert SEARCH in answer.err
