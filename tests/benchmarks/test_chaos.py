"""The chaos benchmark must find each kind of fault, and none in an undisturbed search."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from simulated_search import MakeLedger, drive, small_space

from benchmarks.chaos.checks import Faults, Snapshot, check_epochs, check_record, essence
from tuner.ledger import Outcome, TrialRecord
from tuner.search import Search

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
