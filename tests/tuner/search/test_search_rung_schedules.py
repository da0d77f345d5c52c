"""What a search makes of the ways in which its trials train towards a rung; see `rung_schedules`."""

from typing import Any

import pytest
from simulated_search import MakeLedger, drive, measured, small_space

from tuner.confirm.choice import Choice, confirmation_space
from tuner.errors import UsageError
from tuner.ledger import Decision, Ledger, Outcome, TrialRecord
from tuner.pareto.objectives import compared_metrics
from tuner.search import Search, compared_epochs
from tuner.search.warm_start import earlier_trials
from tuner.space import Space, space_from_mapping

# Rungs after 1 and 3 of 9 epochs.
AS_IS = small_space()
RESTART = small_space(early_stopping={"rung_schedule": "restart"})
CONTINUE = small_space(early_stopping={"rung_schedule": "continue"})
BRANCH = small_space(early_stopping={"rung_schedule": "branch", "branch_epochs": 2})
POINT = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}


def branched(natural: float, pgd: float, spent: int = 2) -> dict[str, float]:
    """Give metrics whose branch tells another story than the trial's own epoch."""
    own = {"natural_accuracy": 1 - natural, "pgd_accuracy": 1 - pgd}
    return {**own, "rung/natural_accuracy": natural, "rung/pgd_accuracy": pgd, "branch_epochs": float(spent)}


@pytest.mark.parametrize(
    ("space", "rungs", "epochs", "most"),
    [
        (AS_IS, (1, 3), 9, 9),
        (RESTART, (1, 4), 13, 13),
        (CONTINUE, (1, 3), 9, 9),
        (BRANCH, (1, 3), 9, 13),
        (small_space(early_stopping={"scheduler": "none", "rung_schedule": "branch"}), (), 9, 9),
        (small_space(early_stopping={"grace_epochs": 9, "rung_schedule": "restart"}), (), 9, 9),
    ],
)
def test_epochs_count_all_that_a_trial_trains(space: Space, rungs: tuple[int, ...], epochs: int, most: int) -> None:
    assert (space.rung_epochs, space.epochs, space.most_epochs) == (rungs, epochs, most)
    assert compared_epochs(space) == (*rungs, epochs)


def test_the_trainer_is_told_of_the_rungs_where_it_has_to_do_something_there() -> None:
    plain = AS_IS.trial_config(POINT)
    assert (plain.rungs, plain.rung_schedule) == ((), "as_is")
    config = BRANCH.trial_config(POINT)
    assert (config.rungs, config.rung_schedule, config.branch_epochs) == ((1, 3), "branch", 2)
    assert type(config).from_mapping(config.to_mapping()) == config


def test_only_a_chain_makes_final_values_that_do_not_compare() -> None:
    assert [space.setting for space in (RESTART, BRANCH)] == [AS_IS.setting] * 2
    assert CONTINUE.setting == {**AS_IS.setting, "rung_schedule": "continue", "rungs": [1, 3]}


def test_a_trial_is_compared_by_its_branch(make_ledger: MakeLedger) -> None:
    """The second trial's own accuracies are better at the rung, those of its branch are worse."""
    ledger = make_ledger(BRANCH)
    search = Search(BRANCH, ledger)
    first, second = search.next_assignment(), search.next_assignment()
    assert first is not None
    assert second is not None
    assert search.report(first.number, 1, branched(0.9, 0.8), None) is Decision.CONTINUE
    assert search.report(second.number, 1, branched(0.2, 0.1), None) is Decision.STOP
    rebuilt = Search(BRANCH, ledger)  # it compares with the branches' values on record
    again, third = rebuilt.next_assignment(), rebuilt.next_assignment()
    assert again is not None
    assert again.number == first.number
    assert third is not None
    assert rebuilt.report(third.number, 1, branched(0.1, 0.05), None) is Decision.STOP


def test_branches_count_as_epochs_that_were_spent(make_ledger: MakeLedger) -> None:
    space = small_space(search={"max_epochs": 4}, early_stopping={"rung_schedule": "branch"})
    search = Search(space, make_ledger(space))
    first = search.next_assignment()
    assert first is not None
    search.report(first.number, 1, branched(0.9, 0.8), None)
    (trial,) = search.trials
    assert (trial.epochs_trained, trial.epochs_spent) == (1, 3)
    assert search.stop_reason is None
    search.report(first.number, 2, {"natural_accuracy": 0.9, "pgd_accuracy": 0.5, "branch_epochs": 2.0}, None)
    assert search.stop_reason == "the trials have trained 4 epochs, and search.max_epochs is 4"


def test_a_restarted_search_ends_with_the_whole_schedule(make_ledger: MakeLedger) -> None:
    search = Search(RESTART, make_ledger(RESTART))
    drive(search)
    ends = {trial.epochs_trained for trial in search.trials if trial.outcome is Outcome.COMPLETED}
    stopped = {trial.epochs_trained for trial in search.trials if trial.outcome is Outcome.STOPPED}
    assert (ends, stopped | {1, 4}) == ({13}, {1, 4})


def test_metrics_without_a_branch_are_compared_as_they_are() -> None:
    metrics = measured(POINT, 3)
    assert compared_metrics(metrics) is metrics
    assert compared_metrics(branched(0.9, 0.8))["natural_accuracy"] == 0.9


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"early_stopping": {"branch_epochs": 3}},
            "early_stopping.branch_epochs: has no effect with rung_schedule: as_is; remove it, or set",
        ),
        (
            {"trial": {"rungs": [2], "rung_schedule": "continue"}},
            "trial.rungs: follows from early_stopping; remove it, or set early_stopping.scheduler: none",
        ),
        ({"early_stopping": {"rung_schedule": "half"}}, "early_stopping.rung_schedule: the value is 'half'"),
    ],
)
def test_rungs_said_twice_or_in_vain_are_faults(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        small_space(**changes)


def completed(space: Space, ledger: Ledger) -> list[TrialRecord]:
    search = Search(space, ledger)
    drive(search)
    return [trial for trial in search.trials if trial.outcome is Outcome.COMPLETED]


@pytest.mark.parametrize(
    ("space", "retrain", "kept"),
    [
        (RESTART, True, False),
        (BRANCH, True, False),
        (CONTINUE, True, True),
        (BRANCH, False, True),
        (AS_IS, False, False),
    ],
)
def test_a_confirmation_trains_as_the_search_did(
    make_ledger: MakeLedger, space: Space, retrain: bool, kept: bool
) -> None:
    """A checkpoint is of one way alone; trained again, only `continue` gives another model than a whole schedule."""
    chosen = completed(space, make_ledger(space))[:1]
    confirmation = confirmation_space(space, "small-1", chosen, Choice(retrain=retrain))
    config = confirmation.trial_config(confirmation.grid()[0])
    expected = space.trial_config(chosen[0].parameters) if kept else AS_IS.trial_config(chosen[0].parameters)
    for key in ("rungs", "rung_schedule", "branch_epochs"):
        assert getattr(config, key) == getattr(expected, key)
    assert confirmation.epochs == (space.epochs if kept else 9)
    assert space_from_mapping(confirmation.model_dump(mode="json"), "again") == confirmation


def test_values_of_another_way_are_no_evidence(make_ledger: MakeLedger) -> None:
    trials = completed(AS_IS, make_ledger(AS_IS))
    with pytest.raises(UsageError, match="rungs is "):
        earlier_trials("old", AS_IS, trials, BRANCH, compared_epochs(BRANCH))


def test_a_branch_is_evidence_by_its_own_values(make_ledger: MakeLedger) -> None:
    search = Search(BRANCH, make_ledger(BRANCH))
    for value in (0.9, 0.2):
        assignment = search.next_assignment()
        assert assignment is not None
        search.report(assignment.number, 1, branched(value, value), None)
    (stopped,) = earlier_trials("old", BRANCH, search.trials, BRANCH, compared_epochs(BRANCH))
    assert stopped.metrics == {1: {"natural_accuracy": 0.2, "pgd_accuracy": 0.2}}
