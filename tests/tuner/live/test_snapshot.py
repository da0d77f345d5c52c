"""What the page shows of a search: one that was simulated, and made-up trials."""

import json
from pathlib import Path

import pytest
from fake_search import trial
from raises_about import raises_about
from simulated_confirmation import TRIALS, confirmation
from simulated_search import SEARCH, MakeLedger, small_space

from tuner.errors import UsageError
from tuner.ledger import InstructionState, Outcome, SqlLedger
from tuner.live.application import LiveSearch
from tuner.live.snapshot import shown_trials, snapshot
from tuner.report.load import LoadedSearch, search_data
from tuner.report.status import status_on_record
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import only_driver
from tuner.search import Search
from tuner.steering.decide import SET


@pytest.fixture
def live(runs_dir: Path) -> LiveSearch:
    """The search of `ledger` or `finished`, at a fixed time."""
    return LiveSearch(runs_dir, SEARCH, clock=lambda: 1e10)


def test_a_finished_search_shows_trials_front_and_rules(live: LiveSearch, finished: SqlLedger) -> None:
    shown, data = live.snapshot(""), live.load().data
    assert (shown["state"], shown["progress"]["ended"], shown["progress"]["trials"]) == ("finished", 5, 5)
    assert [row["trial"] for row in shown["trials"]["rows"]] == [4, 3, 2, 1, 0]
    assert {row["trial"] for row in shown["trials"]["rows"] if row["front"]} == {p.number for p in data.front}
    assert all(len(row["cells"]) == len(shown["trials"]["headings"]) for row in shown["trials"]["rows"])
    layers = {layer.get("name"): layer for layer in shown["figure"]["data"]}
    assert layers["Pareto front"]["x"] == [100 * point.metrics["natural_accuracy"] for point in data.front]
    assert shown["settings"]["search.trials"] == "5"
    assert shown["settings"]["concurrency"] == "auto"
    assert finished.instructions() == []
    json.dumps(shown, allow_nan=False)


def test_a_known_figure_is_left_out_until_it_changes(live: LiveSearch, ledger: SqlLedger) -> None:
    search = Search(small_space(), ledger)
    search.next_assignment()
    first = live.snapshot("")
    assert first["figure"] is None, "no trial has values"
    assert "figure" not in live.snapshot(first["figure_version"])
    search.report(0, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.4}, None)
    second = live.snapshot(first["figure_version"])
    assert second["figure"] is not None
    assert "figure" not in live.snapshot(second["figure_version"])


def test_the_page_tells_running_interrupted_and_new(live: LiveSearch, ledger: SqlLedger, runs_dir: Path) -> None:
    new = live.snapshot("")
    assert (new["state"], new["resume"]) == ("not started", f"tuner run --resume {SEARCH}")
    Search(small_space(), ledger).next_assignment()
    interrupted = live.snapshot("")
    assert interrupted["state"] == "interrupted"
    assert interrupted["trials"]["rows"][0]["outcome"] == "interrupted"
    with only_driver(runs_dir / SEARCH):
        running = live.snapshot("")
    assert (running["state"], running["resume"]) == ("running", None)
    assert running["trials"]["rows"][0]["outcome"] == "running"


def test_instructions_are_shown_with_their_answers(live: LiveSearch, ledger: SqlLedger) -> None:
    number = ledger.instruct(SET, {"values": {"search.trials": 20, "concurrency": 2}})
    assert live.snapshot("")["instructions"][-1]["waits"]
    ledger.answer(number, InstructionState.OBEYED, "done")
    shown = live.snapshot("")
    assert shown["instructions"] == [
        {"number": number, "text": "set search.trials=20 concurrency=2", "answer": "done", "waits": False}
    ]
    assert shown["settings"]["concurrency"] == "2"


def test_a_trial_has_the_reason_of_each_decision(live: LiveSearch, finished: SqlLedger) -> None:
    record = next(trial for trial in finished.load() if any(report.reason for report in trial.reports))
    shown = live.trial(record.number)
    reasons = [report.reason for report in record.reports if report.rung]
    assert [row[-1] for row in shown["decisions"]["rows"]][: len(reasons)] == reasons
    assert shown["parameters"].keys() == record.parameters.keys()
    assert not shown["running"]
    with raises_about(UsageError, 99):
        live.trial(99)


def test_events_are_the_newest_first_and_name_their_trials(live: LiveSearch, finished: SqlLedger) -> None:
    events = live.snapshot("")["events"]
    times = [event["time"] for event in events]
    assert times == sorted(times, reverse=True)
    assert {event["trial"] for event in events} == set(range(5))
    reasons = {report.reason for trial in finished.load() for report in trial.reports if report.rung and report.reason}
    assert reasons
    assert all(any(reason in event["text"] for event in events) for reason in reasons)


def test_a_confirmation_shows_no_front(make_ledger: MakeLedger, runs_dir: Path) -> None:
    ledger, space = make_ledger(confirmation()), confirmation()
    status = status_on_record(SearchFolder(runs_dir / SEARCH), ledger, space, TRIALS, 0.0)
    search = LoadedSearch(space, TRIALS, search_data(runs_dir, SEARCH, space, TRIALS), [])
    shown = snapshot(status, search)
    assert shown["figure"] is None
    assert not any(row["front"] for row in shown["trials"]["rows"])


def test_of_too_many_trials_the_oldest_are_left_out_but_not_those_that_run_or_are_on_the_front() -> None:
    trials = [trial(n, 0.5, 0.5, outcome=Outcome.RUNNING if n in {2, 8} else Outcome.STOPPED) for n in range(10)]
    assert shown_trials(trials, {1}, most=5) == [8, 2, 9, 7, 1]
    assert shown_trials(trials, set(), most=20) == [8, 2, 9, 7, 6, 5, 4, 3, 1, 0]
