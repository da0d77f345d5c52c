"""A search that is rebuilt from its ledger: after a kill, for more trials, with epochs that are trained again."""

import random
from collections.abc import Callable, Sequence

import pytest
from simulated_search import (
    KilledError,
    MakeLedger,
    MortalLedger,
    checkpoint_of,
    drive,
    drive_to_the_end,
    measured,
    on_record,
    small_space,
    train,
)
from test_search import accuracies, new_trial, random_points

from tuner.ledger import Decision, Outcome
from tuner.search import Assignment, Search


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
    kills = drive_to_the_end(space, broken, lambda: 1)
    assert on_record(broken) == on_record(whole)
    reports = sum(len(trial.reports) for trial in whole.load())
    assert kills == 12 + reports + 12, "a proposal, its reports and its end for each trial"


@pytest.mark.parametrize("seed", range(2))
def test_a_driver_killed_now_and_then_leaves_the_record_of_an_uninterrupted_one(
    make_ledger: MakeLedger, seed: int
) -> None:
    space = small_space(search={"trials": 12, "seed": seed})
    whole = make_ledger(space, "whole")
    drive(Search(space, whole, propose=random_points))
    broken = make_ledger(space, "broken")
    rng = random.Random(seed)
    drive_to_the_end(space, broken, lambda: rng.randint(1, 25), propose=random_points)
    assert on_record(broken) == on_record(whole)


@pytest.mark.parametrize("workers", [2, 3])
def test_several_workers_killed_at_random_end_every_trial_once(make_ledger: MakeLedger, workers: int) -> None:
    space = small_space(search={"trials": 15})
    ledger = make_ledger(space)
    rng = random.Random(workers)
    done = False
    while not done:
        mortal = MortalLedger.dying_after(rng.randint(3, 30), ledger)
        try:
            done = _interleaved(Search(space, mortal, propose=random_points), workers, rng.choice)
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


def test_a_finished_search_is_extended_by_more_trials(make_ledger: MakeLedger) -> None:
    long = make_ledger(small_space(search={"trials": 8}), "long")
    drive(Search(small_space(search={"trials": 8}), long, propose=random_points))
    extended = make_ledger(small_space(search={"trials": 5}), "extended")
    for trials in (5, 8):
        space = small_space(search={"trials": trials})
        search = Search(space, extended, propose=random_points)
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
