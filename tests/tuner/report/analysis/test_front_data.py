"""The state of a search: who is on the front, who is not, and how the front grew."""

import math
from dataclasses import replace

import numpy as np
import pytest
from fake_search import OBJECTIVES, REFERENCE, search_of, trade_off_trials, trial

from tuner.ledger.records import Outcome
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import Objective, as_losses
from tuner.pareto.select import knee
from tuner.report.analysis.front_data import front_data


def test_only_completed_trials_are_on_the_front() -> None:
    """The stopped trial would dominate everything, but its values are those of a rung."""
    data = search_of([trial(0, 0.8, 0.4), trial(1, 0.9, 0.9, outcome=Outcome.STOPPED, epochs=13), trial(2, 0.7, 0.5)])
    assert [point.number for point in data.front] == [0, 2]
    assert [(t.number, t.epochs, t.outcome) for t in data.unfinished] == [(1, 13, Outcome.STOPPED)]
    assert data.hypervolume == pytest.approx(0.8 * 0.4 + 0.7 * 0.1)


def test_the_front_is_sorted_from_the_best_in_the_first_objective() -> None:
    trials = [trial(0, 0.7, 0.5), trial(1, 0.9, 0.3), trial(2, 0.8, 0.4), trial(3, 0.8, 0.4)]
    assert [point.number for point in search_of(trials).front] == [1, 2, 3, 0]
    minimised = [Objective("natural_accuracy", maximise=False), OBJECTIVES[1]]
    assert [point.number for point in search_of(trials, minimised).front] == [0]


def test_pareto_ranks_count_fronts() -> None:
    data = search_of([trial(0, 0.8, 0.4), trial(1, 0.7, 0.3), trial(2, 0.9, 0.1), trial(3, 0.6, 0.2)])
    assert [point.pareto_rank for point in data.points] == [0, 1, 0, 2]
    assert [point.number for point in data.dominated] == [1, 3]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_completed_trial_without_finite_objectives_is_listed_but_not_on_the_front(value: float) -> None:
    data = search_of([trial(0, 0.8, value), trial(1, 0.8), trial(2)])
    assert data.points == ()
    assert [t.number for t in data.unfinished] == [0, 1, 2]
    assert data.counts[Outcome.COMPLETED] == 3


def test_nothing_yet() -> None:
    data = search_of([])
    assert (data.points, data.unfinished, data.history, data.front) == ((), (), (), ())
    assert (data.hypervolume, data.knee) == (0.0, None)
    assert data.counts == dict.fromkeys(Outcome, 0)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_trials_have_a_front_without_a_knee(count: int) -> None:
    data = search_of([trial(n, 0.8 + 0.1 * n, 0.5 - 0.1 * n) for n in range(count)])
    assert len(data.front) == count
    assert data.knee is None


def test_equal_trials_are_all_on_the_front_and_have_no_knee() -> None:
    data = search_of([trial(n, 0.8, 0.5) for n in range(5)])
    assert len(data.front) == 5
    assert data.history[-1].front_size == 5
    assert data.knee is None


def test_the_knee_is_that_of_the_front() -> None:
    data = search_of(trade_off_trials(60))
    losses = as_losses([point.metrics for point in data.front], OBJECTIVES)
    place = knee(losses)
    assert place is not None
    assert data.knee == data.front[place].number


def test_every_trial_appears_once_and_is_counted() -> None:
    trials = trade_off_trials()
    data = search_of(list(reversed(trials)))
    numbers = [point.number for point in data.points] + [other.number for other in data.unfinished]
    assert sorted(numbers) == [t.number for t in trials]
    assert sum(data.counts.values()) == len(trials)
    assert data == search_of(trials)


def test_only_the_objectives_are_kept_of_the_metrics() -> None:
    data = search_of([trial(0, 0.8, 0.5, 0.45)])
    assert data.points[0].metrics == {"natural_accuracy": 0.8, "pgd_accuracy": 0.5}


def test_a_trial_beyond_a_constraint_is_never_on_the_front_and_does_not_grow_it() -> None:
    records = [trial(0, 0.9, 0.9), trial(1, 0.8, 0.4), trial(2, 0.5, 0.5), trial(3, 0.4, 0.3)]
    for record, seconds in zip(records, (90.0, 50.0, 60.0, 70.0), strict=True):
        record.reports[0].metrics["seconds"] = seconds
    constraints = [Objective("seconds", maximise=False, limit=60.0)]
    data = front_data("example", records, OBJECTIVES, REFERENCE, constraints=constraints)
    assert {point.number: point.pareto_rank for point in data.points} == {0: 2, 1: 0, 2: 0, 3: 1}
    assert [entry.number for entry in data.history] == [1, 2]
    assert data.hypervolume == pytest.approx(0.8 * 0.4 + 0.5 * 0.1)
    assert (data.metric_names, data.points[0].metrics["seconds"]) == (
        ["natural_accuracy", "pgd_accuracy", "seconds"],
        90,
    )
    beyond = front_data("example", records[:1], OBJECTIVES, REFERENCE, constraints=constraints)
    assert (beyond.front, beyond.points[0].pareto_rank, beyond.hypervolume, beyond.knee) == ((), 1, 0.0, None)


def test_history_follows_the_order_of_ending() -> None:
    trials = [trial(0, 0.8, 0.4, ended=30.0), trial(1, 0.7, 0.3, ended=10.0), trial(2, 0.6, 0.6, ended=20.0)]
    history = search_of(trials).history
    assert [entry.number for entry in history] == [1, 2, 0]
    assert [entry.ended for entry in history] == [10.0, 20.0, 30.0]
    assert [entry.front_size for entry in history] == [1, 2, 2]
    assert [entry.hypervolume for entry in history] == pytest.approx([0.21, 0.39, 0.44])
    assert history[1].best == {"natural_accuracy": 0.7, "pgd_accuracy": 0.6}
    assert history[2].best == {"natural_accuracy": 0.8, "pgd_accuracy": 0.6}


def test_the_best_of_a_minimised_objective_is_the_smallest() -> None:
    minimised = [Objective("natural_accuracy", maximise=False)]
    history = search_of([trial(0, 0.5), trial(1, 0.7), trial(2, 0.3)], minimised).history
    assert [entry.best["natural_accuracy"] for entry in history] == [0.5, 0.5, 0.3]


def test_history_ends_at_the_hypervolume_of_all_completed_trials() -> None:
    data = search_of(trade_off_trials(200))
    losses = as_losses([point.metrics for point in data.points], OBJECTIVES)
    assert data.history[-1].hypervolume == data.hypervolume
    assert data.hypervolume == pytest.approx(hypervolume(losses, np.zeros(2)), rel=1e-12)


def test_the_reference_point_is_in_the_units_of_the_metrics() -> None:
    objectives = [Objective("natural_accuracy", maximise=True), Objective("pgd_accuracy", maximise=False)]
    reference = {"natural_accuracy": 0.5, "pgd_accuracy": 1.0, "unused": 3.0}
    data = front_data("example", [trial(0, 0.8, 0.4)], objectives, reference)
    assert data.hypervolume == pytest.approx(0.3 * 0.6)
    assert data.reference == {"natural_accuracy": 0.5, "pgd_accuracy": 1.0}


def test_a_completed_trial_without_an_end_comes_last() -> None:
    unended = replace(trial(0, 0.8, 0.4), ended=None)
    assert [entry.number for entry in search_of([unended, trial(1, 0.7, 0.5)]).history] == [1, 0]
