"""A search against a real ledger, with trials whose learning curves are formulas."""

import math
import random
from dataclasses import replace

import pytest
from simulated_search import CountingClock, MakeLedger, checkpoint_of, drive, new_search, on_record, small_space

from tuner.ledger import Decision, Ledger, Outcome, TrialRecord, latest
from tuner.search import Assignment, Listener, Search


class Recorder(Listener):
    """A listener that notes each event with what the ledger held at that moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.events: list[tuple[str, int, TrialRecord]] = []

    def on_started(self, assignment: Assignment) -> None:
        self._note("started", assignment.number)

    def on_report(self, trial: TrialRecord) -> None:
        self._note("report", trial.number)

    def on_ended(self, trial: TrialRecord) -> None:
        self._note("ended", trial.number)

    def _note(self, event: str, number: int) -> None:
        self.events.append((event, number, self._ledger.load()[number]))


def accuracies(natural: float, pgd: float = 0.5) -> dict[str, float]:
    return {"natural_accuracy": natural, "pgd_accuracy": pgd}


def new_trial(search: Search) -> Assignment:
    assignment = search.next_assignment()
    assert assignment is not None
    return assignment


def random_points(*request: object, seed: int, number: int, fixed: object) -> dict[str, float | int]:
    """Take the place of `propose` where many trials are needed and their parameters don't matter."""
    del request, fixed
    rng = random.Random(1000 * seed + number)
    return {"alpha": rng.random(), "lambda": 10 ** rng.uniform(-2, 1), "bottleneck": rng.choice([8, 16, 32])}


def test_every_event_is_on_record_before_it_is_told(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 3})
    recorder = Recorder(search._ledger)
    search.listeners.append(recorder)
    drive(search)
    for event, _, trial in recorder.events:
        assert trial.outcome is (Outcome.RUNNING if event != "ended" else trial.outcome)
        assert (event == "ended") == (trial.outcome is not Outcome.RUNNING)
    reports = [(number, trial.epochs_trained) for event, number, trial in recorder.events if event == "report"]
    assert reports[:9] == [(0, epoch) for epoch in range(1, 10)]
    assert [number for event, number, _ in recorder.events if event == "ended"] == [0, 1, 2]


def test_the_decision_is_on_record_before_the_report_returns(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, CountingClock())
    assignment = new_trial(search)
    decision = search.report(assignment.number, 1, accuracies(0.5), "there")
    (report,) = search._ledger.load()[0].reports
    assert (report.epoch, report.decision, report.rung) == (1, decision, True)
    assert (report.metrics, report.checkpoint) == (accuracies(0.5), "there")
    assert report.time == 2.0  # the clock's second reading: the first was the trial's start


def test_a_trial_completes_at_its_budget_with_its_final_values(make_ledger: MakeLedger) -> None:
    space = small_space(search={"trials": 1}, trial={"epochs": 2})
    ledger = make_ledger(space)
    search = Search(space, ledger)
    assert new_trial(search) == Assignment(0, search.trials[0].parameters, (), 0)
    assert search.report(0, 1, accuracies(0.4), None) is Decision.CONTINUE
    assert search.report(0, 2, accuracies(0.6, 0.3), None) is Decision.COMPLETE
    assert search.finished
    assert search.next_assignment() is None
    (trial,) = ledger.load()
    assert (trial.outcome, trial.last_metrics) == (Outcome.COMPLETED, accuracies(0.6, 0.3))
    assert ledger._study.trials[0].values == [0.6, 0.3]
    assert search.trials == [replace(trial, started=search.trials[0].started)]


def test_a_dominated_trial_stops_at_a_rung_and_only_there(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger)
    new_trial(search), new_trial(search)
    assert search.report(0, 1, accuracies(0.9, 0.9), None) is Decision.CONTINUE
    assert search.report(0, 2, accuracies(0.1, 0.1), None) is Decision.CONTINUE, "epoch 2 is no rung"
    assert search.report(1, 1, accuracies(0.8, 0.8), None) is Decision.STOP
    assert [trial.outcome for trial in search.trials] == [Outcome.RUNNING, Outcome.STOPPED]


def test_without_a_scheduler_nobody_is_stopped(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, early_stopping={"scheduler": "none"}, search={"trials": 4})
    drive(search)
    assert {trial.outcome for trial in search.trials} == {Outcome.COMPLETED}
    assert not any(report.rung for trial in search.trials for report in trial.reports)


@pytest.mark.parametrize("epoch", [1, 2, 9])
@pytest.mark.parametrize(
    "metrics",
    [accuracies(math.nan), accuracies(0.5, -math.inf), {"pgd_accuracy": math.nan}],
    ids=["nan", "infinite", "nan and a missing one"],
)
def test_a_trial_without_a_finite_objective_stops(
    make_ledger: MakeLedger, metrics: dict[str, float], epoch: int
) -> None:
    search = new_search(make_ledger)
    new_trial(search)
    assert search.report(0, epoch, metrics, None) is Decision.STOP
    assert [trial.outcome for trial in search._ledger.load()] == [Outcome.STOPPED]


def test_an_objective_may_be_missing_but_where_trials_compare(make_ledger: MakeLedger) -> None:
    """As between two evaluations (`eval_every`)."""
    search = new_search(make_ledger)
    new_trial(search), new_trial(search)
    assert search.report(0, 1, {}, None) is Decision.STOP
    assert search.report(1, 1, accuracies(0.5), None) is Decision.CONTINUE
    assert search.report(1, 2, {}, None) is Decision.CONTINUE
    assert latest(search.trials[1], "natural_accuracy") == 0.5
    assert search.report(1, 3, {"natural_accuracy": 0.5}, None) is Decision.STOP, "a rung"


def test_a_nan_at_a_rung_counts_against_nobody_but_as_a_trial(make_ledger: MakeLedger) -> None:
    """With reduction factor 3, the second of three goes on: the NaN is one of the three."""
    search = new_search(make_ledger)
    for _ in range(3):
        new_trial(search)
    search.report(0, 1, accuracies(math.nan), None)
    assert search.report(1, 1, accuracies(0.9, 0.9), None) is Decision.CONTINUE
    assert search.report(2, 1, accuracies(0.8, 0.8), None) is Decision.CONTINUE


def test_a_failure_ends_a_running_trial_once(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger)
    new_trial(search), new_trial(search)
    search.fail(0, "RuntimeError: out of memory")
    search.fail(0, "again")
    assert (search.trials[0].outcome, search.trials[0].error) == (
        Outcome.FAILED,
        "RuntimeError: out of memory",
    )
    assert [trial.ended for trial in search._ledger.load()] == [trial.ended for trial in search.trials]
    assert not search.finished
    search.report(1, 9, accuracies(0.5), None)
    search.fail(1, "too late")
    assert (search.trials[1].outcome, search.trials[1].error) == (Outcome.COMPLETED, None)


def test_a_lost_trial_is_handed_out_again_from_its_last_checkpoints(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 2})
    first, second = new_trial(search), new_trial(search)
    search.report(0, 1, accuracies(0.9, 0.9), checkpoint_of(0, 1))
    for _ in range(2):
        search.hand_out_again(0)
    assert new_trial(search) == Assignment(0, first.parameters, (checkpoint_of(0, 1),), 1)
    search.fail(second.number, "gone")
    search.hand_out_again(second.number)
    assert search.next_assignment() is None


def test_a_report_of_an_ended_trial_is_told_to_stop_and_not_recorded(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger)
    new_trial(search)
    search.fail(0, "gone")
    before = on_record(search._ledger)
    assert search.report(0, 1, accuracies(0.5), None) is Decision.STOP
    assert on_record(search._ledger) == before


def test_start_points_are_proposed_first_and_completed(make_ledger: MakeLedger) -> None:
    starts = [{"alpha": 1, "lambda": 4.0, "bottleneck": 16.0}, {"lambda": 1.0}, {}]
    space = small_space(search={"trials": 4, "start_points": starts})
    search = Search(space, make_ledger(space))
    points = [new_trial(search).parameters for _ in range(4)]
    assert points[0] == starts[0]
    assert repr(Search(space, search._ledger).trials[0].parameters) == repr(search.trials[0].parameters)
    assert points[1]["lambda"] == 1.0
    assert all(set(point) == set(space.parameters) for point in points)


FINITE = {
    "alpha": {"type": "categorical", "choices": [0.1, 0.2]},
    "lambda": {"type": "int", "low": 1, "high": 3},
    "bottleneck": {"type": "categorical", "choices": [8, 16]},
}


@pytest.mark.parametrize("sampler", ["motpe", "random"])
def test_a_finite_space_is_tried_once_and_then_the_search_is_finished(make_ledger: MakeLedger, sampler: str) -> None:
    space = small_space(search={"trials": 20, "sampler": sampler}, parameters=FINITE)
    ledger = make_ledger(space)
    search = Search(space, ledger)
    drive(search)
    points = [tuple(trial.parameters.values()) for trial in search.trials]
    assert len(points) == len(set(points)) == 12
    assert search.finished
    assert search.stop_reason is not None
    assert len(search.trials) < space.search.trials
    assert Search(space, ledger).finished


def test_a_search_with_a_running_trial_is_not_finished_though_no_other_is_to_come(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 50, "max_epochs": 3})
    new_trial(search)
    for epoch in (1, 2, 3):
        search.report(0, epoch, accuracies(0.5), None)
    assert search.next_assignment() is None
    assert not search.finished
    search.fail(0, "gone")
    assert search.finished
