"""The checks of a search of Ray Tune must find each kind of damage, and none in an undisturbed search."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos.checks import Faults
from benchmarks.chaos.ray_tune import FIGURES, table
from benchmarks.chaos.ray_tune_checks import check_events, check_results, check_runs, failures
from benchmarks.chaos.ray_tune_events import Event, Kind, note, read_events
from benchmarks.chaos.ray_tune_results import MlflowRun, RayTrial


def values(epochs: int) -> list[tuple[str, int, float]]:
    return [("natural_accuracy", epoch, epoch / 10) for epoch in range(1, epochs + 1)]


def trial(name: str, alpha: float, epochs: int = 2, status: str = "TERMINATED") -> RayTrial:
    return RayTrial(name, status, {"alpha": alpha}, tuple(range(1, epochs + 1)), frozenset(values(epochs)))


def started(name: str, alpha: float) -> Event:
    return Event(Kind.STARTED, name, parameters={"alpha": alpha})


RESULTS = [trial("a", 0.1), trial("b", 0.2)]
RUNS = [MlflowRun("a", "FINISHED", values(2)), MlflowRun("b", "FINISHED", values(2))]
STARTED = [started("a", 0.1), started("b", 0.2)]
EVENTS = [
    Event(Kind.BEGUN, "a", 1),
    Event(Kind.RECORDED, "a", 1),
    Event(Kind.BEGUN, "a", 2),
    Event(Kind.RECORDED, "a", 2),
    Event(Kind.ENDED, "a"),
]


def test_a_search_that_was_left_alone_has_no_fault() -> None:
    faults = Faults()
    check_results(RESULTS, STARTED, 2, faults)
    assert check_events(EVENTS, faults) == {"epochs begun": 2, "epochs begun twice": 0}
    assert check_runs(RESULTS, RUNS, faults) == 4
    assert faults.found == {}


@pytest.mark.parametrize(
    ("kind", "results", "events"),
    [
        ("trials lost", RESULTS[:1], STARTED[:1]),
        ("trials lost", [RESULTS[0], trial("b", 0.2, status="ERROR")], STARTED),
        ("trials lost", [RESULTS[0], trial("b", 0.2, epochs=0)], STARTED),
        ("trials lost", [RESULTS[0], replace(RESULTS[1], epochs=(1, 3))], STARTED),
        ("trials forgotten", RESULTS, [*STARTED, started("c", 0.3)]),
        ("proposals repeated", [RESULTS[0], trial("b", 0.1)], STARTED),
    ],
)
def test_what_the_results_lack_is_seen(kind: str, results: list[RayTrial], events: list[Event]) -> None:
    faults = Faults()
    check_results(results, events, 2, faults)
    assert {found: len(lines) for found, lines in faults.found.items()} == {kind: 1}


def test_a_forgotten_trial_whose_point_is_proposed_again_is_both() -> None:
    faults = Faults()
    check_results(RESULTS, [*STARTED, started("c", 0.1)], 2, faults)
    assert set(faults.found) == {"trials forgotten", "proposals repeated"}


def test_epochs_in_flight_may_be_begun_twice_and_recorded_ones_may_not() -> None:
    faults = Faults()
    counts = check_events([*EVENTS[:3], Event(Kind.BEGUN, "a", 2), *EVENTS[3:]], faults)
    assert counts == {"epochs begun": 3, "epochs begun twice": 1}
    assert faults.found == {}
    counts = check_events([*EVENTS[:4], Event(Kind.BEGUN, "a", 2), *EVENTS[3:]], faults)
    assert counts == {"epochs begun": 3, "epochs begun twice": 1}
    assert faults.found == {"recorded epochs trained again": ["a, epoch 2"]}


@pytest.mark.parametrize(("first", "where"), [(1, "a from the start"), (2, "a from epoch 2")])
def test_a_trial_that_goes_on_after_its_end_is_counted_once_for_each_end(first: int, where: str) -> None:
    faults = Faults()
    again = [event for event in EVENTS if event.epoch == 0 or event.epoch >= first]
    check_events([*EVENTS, *again], faults)
    assert faults.found["ended trials trained again"] == [where]
    assert faults.found["trials ended twice"] == ["a"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("trials without exactly one run", lambda runs: runs[:1]),
        ("trials without exactly one run", lambda runs: [*runs, MlflowRun("a", "FINISHED", [])]),
        ("runs of forgotten trials", lambda runs: [*runs, MlflowRun("c", "FINISHED", [])]),
        ("runs open for ever", lambda runs: [replace(runs[0], status="RUNNING"), runs[1]]),
        ("values missing in MLflow", lambda runs: [replace(runs[0], values=values(1)), runs[1]]),
        ("values in MLflow that Ray does not have", lambda runs: [replace(runs[0], values=values(3)), runs[1]]),
        ("values more than once in MLflow", lambda runs: [replace(runs[0], values=values(2) * 2), runs[1]]),
    ],
)
def test_what_mlflow_has_otherwise_is_seen(kind: str, change: Callable[[list[MlflowRun]], list[MlflowRun]]) -> None:
    faults = Faults()
    check_runs(RESULTS, change(RUNS), faults)
    assert kind in faults.found


def test_a_value_may_lie_in_any_run_of_its_trial() -> None:
    faults = Faults()
    halves = [MlflowRun("a", "FINISHED", values(2)[:1]), MlflowRun("a", "FINISHED", values(2)[1:])]
    check_runs(RESULTS[:1], halves, faults)
    assert faults.found == {"trials without exactly one run": ["a has 2 runs"]}


def test_exceptions_are_told_apart_by_what_met_them() -> None:
    failed = Event(Kind.FAILED, text="ValueError: no\nmore")
    assert failures([failed, Event(Kind.RESTORING), failed, failed]) == {
        "first session: ValueError: no": 1,
        "restored: ValueError: no": 2,
    }


def test_events_are_read_as_they_were_noted(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events") == []
    for event in [*STARTED, *EVENTS]:
        note(tmp_path / "events", event)
    assert read_events(tmp_path / "events") == [*STARTED, *EVENTS]


def test_the_table_has_a_dash_where_our_side_has_no_figure() -> None:
    lines = table(dict.fromkeys(FIGURES, 3), {"trials lost": 0}).splitlines()
    assert "| trials lost | 3 | 0 |" in lines
    assert "| epochs begun | 3 | - |" in lines
