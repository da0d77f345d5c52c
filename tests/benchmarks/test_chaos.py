"""The chaos benchmark must find each kind of fault, and none in an undisturbed search."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from simulated_search import MakeLedger, drive, small_space

from benchmarks.chaos.checks import Faults, Snapshot, check_epochs, check_mlflow, check_record, essence
from tuner.ledger import Outcome, TrialRecord
from tuner.report.analysis.front_data import front_data
from tuner.search import Search
from tuner.tracking.projection import Projection

SPACE = small_space(search={"trials": 5})
Change = Callable[[list[TrialRecord]], Sequence[TrialRecord]]


@pytest.fixture
def trials(make_ledger: MakeLedger) -> list[TrialRecord]:
    """The trials of a search that ended."""
    ledger = make_ledger(SPACE)
    drive(Search(SPACE, ledger))
    return [replace(trial, reports=tuple(trial.reports)) for trial in ledger.load()]


def earlier(trials: Sequence[TrialRecord]) -> Snapshot:
    """The same search when its last trial had just begun its second epoch."""
    last = replace(trials[-1], outcome=Outcome.RUNNING, ended=None, reports=trials[-1].reports[:1])
    return Snapshot([*trials[:-1], last], begun=0)


def test_a_search_that_was_left_alone_has_no_fault(trials: list[TrialRecord]) -> None:
    faults = Faults()
    check_record(trials, [earlier(trials)], 5, faults)
    assert faults.found == {}


def test_mlflow_has_each_value_of_the_ledger_also_those_in_folders(trials: list[TrialRecord], mlflow_uri: str) -> None:
    reports = [
        tuple(replace(report, metrics={**report.metrics, "gradient_norm/total": 2.0}) for report in trial.reports)
        for trial in trials
    ]
    recorded = [replace(trial, reports=found) for trial, found in zip(trials, reports, strict=True)]
    front = front_data("chaos-1", recorded, SPACE.objective_list, SPACE.reference)
    space = SPACE.model_copy(update={"name": "chaos"})  # an experiment of its own in the store of all tests
    Projection(mlflow_uri, space, "chaos-1", "chaos-1-id", None).write(recorded, front)
    faults = Faults()
    assert check_mlflow(mlflow_uri, "chaos-1", recorded, faults) > 0
    assert faults.found == {}
    changed = replace(
        recorded[0],
        reports=(
            replace(reports[0][0], metrics={**reports[0][0].metrics, "gradient_norm/total": 3.0}),
            *reports[0][1:],
        ),
    )
    check_mlflow(mlflow_uri, "chaos-1", [changed, *recorded[1:]], faults)
    assert set(faults.found) == {"ledger and MLflow differ"}


def test_a_trial_that_a_client_ended_is_no_fault(trials: list[TrialRecord]) -> None:
    ended = replace(trials[-1], outcome=Outcome.FAILED, error="another program ended it in the ledger, as fail")
    faults = Faults()
    check_record([*trials[:-1], ended], [earlier(trials)], 5, faults)
    assert faults.found == {}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("trials lost", lambda t: t[:-1]),
        ("trials lost", lambda _: []),
        ("trials lost", lambda t: [*t[:-1], replace(t[-1], outcome=Outcome.RUNNING)]),
        ("trials lost", lambda t: [*t[:-1], replace(t[-1], outcome=Outcome.FAILED, error="crashed")]),
        ("trials lost", lambda t: [replace(t[0], reports=t[0].reports[1:]), *t[1:]]),
        ("trials ended twice", lambda t: [replace(t[0], ended=t[0].ended + 1), *t[1:]]),
        ("proposals repeated", lambda t: [*t[:-1], replace(t[-1], parameters=t[0].parameters)]),
        ("records changed", lambda t: [replace(t[0], reports=(replace(t[0].reports[0], metrics={}),)), *t[1:]]),
    ],
)
def test_each_kind_of_fault_is_seen(trials: list[TrialRecord], kind: str, change: Change) -> None:
    faults = Faults()
    check_record(change(trials), [earlier(trials[:-1])], 5, faults)
    assert kind in faults.found


def test_epochs_in_flight_may_be_begun_twice_and_recorded_ones_may_not(trials: list[TrialRecord]) -> None:
    first = replace(trials[0], reports=trials[0].reports[:2])
    begun = [(0, 1), (0, 2), (0, 3), (0, 3), (0, 4)]
    faults = Faults()
    assert check_epochs(begun, [Snapshot([first], begun=3)], faults) == 1
    assert faults.found == {}
    assert check_epochs([*begun[:3], (0, 2), *begun[3:]], [Snapshot([first], begun=3)], faults) == 2
    assert faults.found == {"recorded epochs trained again": ["trial 0, epoch 2"]}


def test_two_searches_share_all_but_their_times(trials: list[TrialRecord]) -> None:
    later = [replace(trial, started=trial.started + 9) for trial in trials]
    assert essence(later) == essence(trials)
    assert essence(later[1:]) != essence(trials)
