"""A search against a real ledger, with trials whose learning curves are formulas."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from simulated_search import (
    CountingClock,
    KilledError,
    MakeLedger,
    MortalLedger,
    checkpoint_of,
    drive,
    measured,
    new_search,
    on_record,
    small_space,
    train,
)

import tuner.search.search
from tuner.ledger import Decision, Ledger, Outcome, TrialRecord, latest
from tuner.search import Assignment, Listener, Search
from tuner.search.comparable_values import evidence
from tuner.search.sampling import Evidence


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


def test_an_epoch_on_record_gets_its_first_decision_and_no_second_row(make_ledger: MakeLedger) -> None:
    space = small_space()
    ledger = make_ledger(space)
    search = Search(space, ledger)
    new_trial(search), new_trial(search)
    search.report(0, 1, accuracies(0.9, 0.9), "first")
    search.report(0, 2, accuracies(0.9, 0.9), "second")
    search.report(1, 1, accuracies(0.1, 0.1), None)
    before = on_record(ledger)
    assert search.report(0, 1, accuracies(0.0, 0.0), None) is Decision.CONTINUE
    assert search.report(1, 1, accuracies(1.0, 1.0), "other") is Decision.STOP
    assert on_record(ledger) == before
    rebuilt = Search(space, ledger)
    assert rebuilt.report(0, 1, accuracies(0.0, 0.0), None) is Decision.CONTINUE
    assert on_record(ledger) == before


def test_the_checkpoint_of_an_epoch_trained_again_takes_the_place_of_the_first(make_ledger: MakeLedger) -> None:
    space = small_space()
    ledger = make_ledger(space)
    search = Search(space, ledger)
    new_trial(search)
    for epoch in (1, 2, 3):
        search.report(0, epoch, accuracies(0.9, 0.9), f"first of {epoch}")
    search.report(0, 2, accuracies(0.9, 0.9), "again of 2")
    assert [report.checkpoint for report in search.trials[0].reports] == ["first of 1", "again of 2", None]
    assert ledger.load()[0].reports == search.trials[0].reports
    assert new_trial(Search(space, ledger)).checkpoints == ("again of 2", "first of 1")
    search.report(0, 3, accuracies(0.9, 0.9), "again of 3")
    assert new_trial(Search(space, ledger)).checkpoints == ("again of 3", "again of 2")


def test_an_interrupted_trial_is_handed_out_first_with_its_last_checkpoints(make_ledger: MakeLedger) -> None:
    space = small_space()
    ledger = make_ledger(space)
    search = Search(space, ledger)
    first, second, third = (new_trial(search) for _ in range(3))
    search.report(0, 1, accuracies(0.9, 0.9), checkpoint_of(0, 1))
    search.report(0, 2, accuracies(0.9, 0.9), checkpoint_of(0, 2))
    search.report(0, 3, accuracies(0.9, 0.9), checkpoint_of(0, 3))
    search.report(2, 1, accuracies(0.95, 0.95), None)
    rebuilt = Search(space, ledger)
    newest_two = (checkpoint_of(0, 3), checkpoint_of(0, 2))
    assert new_trial(rebuilt) == Assignment(0, first.parameters, newest_two, 3)
    assert new_trial(rebuilt) == Assignment(1, second.parameters, (), 0)
    assert new_trial(rebuilt) == Assignment(2, third.parameters, (), 1), "no checkpoint: from scratch"
    assert new_trial(rebuilt).number == 3


def test_a_driver_killed_after_each_write_leaves_the_record_of_an_uninterrupted_one(
    make_ledger: MakeLedger,
) -> None:
    """No state in memory outlives a single write here, not even between a report and the end it decides."""
    space = small_space(search={"trials": 12}, trial={"epochs": 4})
    whole = make_ledger(space, "whole")
    drive(Search(space, whole))
    broken = make_ledger(space, "broken")
    kills = 0
    while True:
        mortal = MortalLedger.dying_after(1, broken)
        try:
            drive(Search(space, mortal))
        except KilledError:
            kills += 1
        else:
            break
        finally:
            mortal.close()
    assert on_record(broken) == on_record(whole)
    reports = sum(len(trial.reports) for trial in whole.load())
    assert kills == 12 + reports + 12, "a proposal, its reports and its end for each trial"


@pytest.mark.parametrize("seed", range(2))
def test_a_driver_killed_now_and_then_leaves_the_record_of_an_uninterrupted_one(
    make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(tuner.search.search, "propose", random_points)
    space = small_space(search={"trials": 12, "seed": seed})
    whole = make_ledger(space, "whole")
    drive(Search(space, whole))
    broken = make_ledger(space, "broken")
    rng = random.Random(seed)
    done = False
    while not done:
        mortal = MortalLedger.dying_after(rng.randint(1, 25), broken)
        try:
            drive(Search(space, mortal))
            done = True
        except KilledError:
            pass
        finally:
            mortal.close()
    assert on_record(broken) == on_record(whole)


@pytest.mark.parametrize("workers", [2, 3])
def test_several_workers_killed_at_random_end_every_trial_once(
    make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(tuner.search.search, "propose", random_points)
    space = small_space(search={"trials": 15})
    ledger = make_ledger(space)
    rng = random.Random(workers)
    done = False
    while not done:
        mortal = MortalLedger.dying_after(rng.randint(3, 30), ledger)
        try:
            done = _interleaved(Search(space, mortal), workers, rng.choice)
        except KilledError:
            done = False
        mortal.close()
    trials = ledger.load()
    assert [trial.number for trial in trials] == list(range(15))
    assert all(trial.ended is not None for trial in trials)
    for trial in trials:
        assert [report.epoch for report in trial.reports] == list(range(1, trial.epochs_trained + 1))
        *earlier, last = [report.decision for report in trial.reports]
        assert set(earlier) <= {Decision.CONTINUE}
        assert last is (Decision.COMPLETE if trial.outcome is Outcome.COMPLETED else Decision.STOP)
    parameters = [tuple(trial.parameters.values()) for trial in trials]
    assert len(set(parameters)) == len(parameters)


def _interleaved(search: Search, workers: int, choose: Callable[[Sequence[int]], int]) -> bool:
    """Train with several workers, whose epochs end in the order of `choose`."""
    alive: dict[int, tuple[Assignment, int]] = {}
    while True:
        while len(alive) < workers and (assignment := search.next_assignment()) is not None:
            alive[assignment.number] = (assignment, assignment.epoch)
        if not alive:
            return True
        number = choose(sorted(alive))
        assignment, epoch = alive[number]
        metrics = measured(assignment.parameters, epoch + 1)
        if search.report(number, epoch + 1, metrics, checkpoint_of(number, epoch + 1)) is Decision.CONTINUE:
            alive[number] = (assignment, epoch + 1)
        else:
            del alive[number]


def test_a_finished_search_is_extended_by_more_trials(make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner.search.search, "propose", random_points)
    long = make_ledger(small_space(search={"trials": 8}), "long")
    drive(Search(small_space(search={"trials": 8}), long))
    extended = make_ledger(small_space(search={"trials": 5}), "extended")
    for trials in (5, 8):
        space = small_space(search={"trials": trials})
        search = Search(space, extended)
        assert not search.finished
        drive(search)
        assert search.finished
    assert on_record(extended) == on_record(long)


def test_fewer_trials_than_are_on_record_propose_nothing(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(small_space())
    search = Search(small_space(), ledger)
    train(search, new_trial(search))
    new_trial(search)
    shorter = Search(small_space(search={"trials": 1}), ledger)
    assert not shorter.finished, "trial 1 is still running"
    train(shorter, new_trial(shorter))
    assert shorter.finished
    assert shorter.next_assignment() is None


def test_start_points_are_proposed_first_and_completed(make_ledger: MakeLedger) -> None:
    starts = [{"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}, {"lambda": 1.0}, {}]
    space = small_space(search={"trials": 4, "start_points": starts})
    search = Search(space, make_ledger(space))
    points = [new_trial(search).parameters for _ in range(4)]
    assert points[0] == starts[0]
    assert points[1]["lambda"] == 1.0
    assert all(set(point) == set(space.parameters) for point in points)


def test_a_second_driver_on_the_ledger_is_noticed(make_ledger: MakeLedger) -> None:
    space = small_space()
    ledger = make_ledger(space)
    search, other = Search(space, ledger), Search(space, ledger)
    new_trial(search)
    with pytest.raises(RuntimeError, match=r"trial 0 the number 1"):
        other.next_assignment()


class Seen:
    """Takes the place of `propose`, and keeps the evidence that it was given."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.numbers: list[int] = []

    def __call__(
        self,
        sampler: str,
        distributions: object,
        objectives: int,
        evidence: Evidence,
        *,
        seed: int,
        number: int,
        fixed: object,
    ) -> dict[str, float | int]:
        del sampler, distributions, objectives
        self.evidence.append(evidence)
        self.numbers.append(number)
        return random_points(seed=seed, number=number, fixed=fixed)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    spy = Seen()
    monkeypatch.setattr(tuner.search.search, "propose", spy)
    return spy


def reach(search: Search, epochs: Sequence[int]) -> None:
    """Start a trial for each of `epochs` that is the best yet at every rung and trains so far."""
    for position, epoch in enumerate(epochs):
        number = new_trial(search).number
        for reported in range(1, epoch + 1):
            value = 0.1 + 0.001 * position + 0.01 * reported
            search.report(number, reported, accuracies(value, value), None)


@pytest.mark.parametrize(
    ("epochs", "at"),
    [
        ([1] * 5, 1),
        ([1] * 12, 1),
        ([3] * 5 + [1] * 3, 1),
        ([3] * 6 + [1] * 3, 3),
        ([9] * 5 + [3] * 4, 3),
        ([9] * 6 + [3] * 4, 9),
    ],
)
def test_the_sampler_sees_one_epoch_the_latest_that_six_trials_reached(
    make_ledger: MakeLedger, seen: Seen, epochs: list[int], at: int
) -> None:
    search = new_search(make_ledger, search={"trials": 20})
    reach(search, epochs)
    new_trial(search)
    trials = search.trials[:-1]
    expected = {t.number: report.metrics for t in trials for report in t.reports if report.epoch == at}
    measured_at = seen.evidence[-1].measured
    assert [parameters for parameters, _ in measured_at] == [trials[n].parameters for n in expected]
    losses = np.array([row for _, row in measured_at])
    assert np.array_equal(-losses, [[m["natural_accuracy"], m["pgd_accuracy"]] for m in expected.values()])
    unknown = [t.parameters for t in trials if t.outcome is Outcome.RUNNING and t.number not in expected]
    assert seen.evidence[-1].running == unknown, "a running trial with a value at this epoch speaks by it"
    assert seen.evidence[-1].tried == [trial.parameters for trial in trials]


def evidence_of(search: Search) -> Evidence:
    return evidence(search.trials, search._values, search.space.objective_list, search._failed)


@pytest.mark.parametrize("epochs", [1, 3, 9])
def test_a_rebuilt_search_has_the_same_evidence_in_whatever_order_trials_arrived(
    make_ledger: MakeLedger, seen: Seen, epochs: int
) -> None:
    space = small_space(search={"trials": 20})
    ledger = make_ledger(space)
    search = Search(space, ledger)
    order = [new_trial(search).number for _ in range(12)]
    random.Random(0).shuffle(order)
    for position, number in enumerate(order):
        for epoch in range(1, epochs + 1):
            search.report(number, epoch, accuracies(0.1 + 0.001 * position, 0.1 + 0.001 * position), None)
    new_trial(search)
    first, second = seen.evidence[-1], evidence_of(Search(space, ledger))
    assert [point for point, _ in first.measured] == [point for point, _ in second.measured]
    assert np.array_equal([row for _, row in first.measured], [row for _, row in second.measured])
    assert len(first.measured) == 12
    assert first.tried == second.tried[:12]
    assert [*first.running, search.trials[-1].parameters] == second.running


def test_trials_without_a_finite_objective_are_evidence_of_failure(make_ledger: MakeLedger, seen: Seen) -> None:
    search = new_search(make_ledger, search={"trials": 20})
    reach(search, [1] * 11)
    search.report(new_trial(search).number, 1, accuracies(math.nan), None)
    new_trial(search)
    assert len(seen.evidence[-1].measured) == 11
    assert len(seen.evidence[-1].tried) == 12
    assert seen.evidence[-1].failed == [search.trials[11].parameters]


def test_a_trial_that_failed_later_is_no_measured_one(make_ledger: MakeLedger, seen: Seen) -> None:
    search = new_search(make_ledger, search={"trials": 20})
    reach(search, [1] * 12)
    search.fail(11, "Training diverged in epoch 2")
    new_trial(search)
    assert len(seen.evidence[-1].measured) == 11
    assert seen.evidence[-1].failed == [search.trials[11].parameters]
    assert search.trials[11].parameters not in seen.evidence[-1].running


def test_limits_reach_the_sampler_and_the_rungs(make_ledger: MakeLedger, seen: Seen) -> None:
    """Natural accuracy must be 0.8: whoever has it goes on, whoever is best in the other one does not."""
    search = new_search(make_ledger, objectives={"natural_accuracy": {"at_least": 0.8}})
    new_trial(search), new_trial(search), new_trial(search)
    assert seen.evidence[-1].limits is not None
    assert seen.evidence[-1].limits.tolist() == [-0.8, math.inf]
    assert search.report(0, 1, accuracies(0.7, 0.6), None) is Decision.CONTINUE, "the first at its rung"
    assert search.report(1, 1, accuracies(0.81, 0.1), None) is Decision.CONTINUE
    assert search.report(2, 1, accuracies(0.1, 0.9), None) is Decision.STOP


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
