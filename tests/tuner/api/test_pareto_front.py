"""The front in Python: the frame, and the choices from it."""

from dataclasses import replace

import pandas as pd
import pytest
from fake_search import OBJECTIVES, REFERENCE, trial
from raises_about import raises_about

from tuner.api import Front
from tuner.errors import UsageError
from tuner.ledger.records import TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import front_data

# The best natural accuracy, a knee, the best PGD accuracy, and one that all of them beat.
ACCURACIES = [(0.9, 0.2), (0.89, 0.5), (0.5, 0.55), (0.4, 0.1)]


@pytest.fixture
def front() -> Front:
    trials = [trial(n, *both, parameters={"lambda": float(n)}) for n, both in enumerate(ACCURACIES)]
    return Front(front_data("search-1", trials, OBJECTIVES, REFERENCE))


def test_the_frame_has_the_front_from_the_best_natural_accuracy_to_the_worst(front: Front) -> None:
    expected = pd.DataFrame(
        {
            "natural_accuracy": [0.9, 0.89, 0.5],
            "pgd_accuracy": [0.2, 0.5, 0.55],
            "lambda": [0.0, 1.0, 2.0],
            "epochs": [120, 120, 120],
        },
        index=pd.Index([0, 1, 2], name="trial"),
    )
    pd.testing.assert_frame_equal(front.frame, expected)
    assert len(front) == 3
    assert "<table" in front._repr_html_()


def test_minimums_narrow_the_front_and_add_up(front: Front) -> None:
    narrow = front.at_least(natural_accuracy=0.6)
    assert list(narrow.frame.index) == [0, 1]
    assert list(narrow.at_least(pgd_accuracy=0.3).frame.index) == [1]
    assert len(narrow.at_least(pgd_accuracy=0.99)) == 0
    assert len(front) == 3


def test_bounds_of_one_metric_only_get_narrower(front: Front) -> None:
    assert list(front.at_least(natural_accuracy=0.895).at_least(natural_accuracy=0.1).frame.index) == [0]


# Of three trials on this front the second is beyond the constraint.
MINIMISED = (Objective("pgd_accuracy", maximise=True), Objective("parameters", maximise=False))
LIMITED = (Objective("seconds", maximise=False, limit=60.0),)
SIZES = [(0.3, 100, 10.0), (0.6, 150, 70.0), (0.5, 200, 20.0), (0.55, 300, 30.0)]


@pytest.fixture
def small_networks() -> Front:
    def sized(number: int) -> TrialRecord:
        robust, count, seconds = SIZES[number]
        record = trial(number, 0.9, robust)
        (report,) = record.reports
        metrics = {**report.metrics, "parameters": float(count), "seconds": seconds}
        return replace(record, reports=(replace(report, metrics=metrics),))

    reference = {"pgd_accuracy": 0.0, "parameters": 1000.0}
    trials = [sized(number) for number in range(len(SIZES))]
    return Front(front_data("search-1", trials, MINIMISED, reference, constraints=LIMITED))


def test_maximums_narrow_the_front_of_minimised_objectives_and_constraints(small_networks: Front) -> None:
    assert list(small_networks.frame.index) == [3, 2, 0]
    assert list(small_networks.frame.columns) == ["pgd_accuracy", "parameters", "seconds", "epochs"]
    assert list(small_networks.at_most(parameters=200).frame.index) == [2, 0]
    assert list(small_networks.at_most(parameters=200).at_most(parameters=500).frame.index) == [2, 0]
    assert list(small_networks.at_most(seconds=15).frame.index) == [0]
    assert list(small_networks.at_most(parameters=200).at_least(pgd_accuracy=0.4, seconds=15).frame.index) == [2]


def test_without_a_natural_accuracy_the_first_objective_is_lost_and_the_last_gained(small_networks: Front) -> None:
    assert small_networks.most_robust(max_loss=0.06).trial == 2
    with raises_about(UsageError, "max_loss"):
        small_networks.most_robust(max_loss=1.0)


def test_the_natural_accuracy_is_lost_wherever_it_stands() -> None:
    trials = [trial(n, *both) for n, both in enumerate(ACCURACIES)]
    reverse = Front(front_data("search-1", trials, OBJECTIVES[::-1], REFERENCE))
    assert reverse.most_robust(max_loss=0.02).trial == 1


def test_a_bound_that_would_keep_the_worst_trials_is_refused(small_networks: Front) -> None:
    with raises_about(UsageError, "parameters"):
        small_networks.at_least(parameters=100)
    with raises_about(UsageError, "pgd_accuracy"):
        small_networks.at_most(pgd_accuracy=0.5)
    with raises_about(UsageError, "seconds"):
        small_networks.at_most(seconds=float("nan"))


def test_the_knee_and_the_most_robust_trial(front: Front) -> None:
    knee = front.knee()
    assert (knee.trial, knee.parameters) == (1, {"lambda": 1.0})
    assert knee.metrics == {"natural_accuracy": 0.89, "pgd_accuracy": 0.5}
    assert knee.reason
    assert front.most_robust(max_loss=0.02).trial == 1
    assert front.most_robust(max_loss=0.5).trial == 2
    assert front.at_least(natural_accuracy=0.895).most_robust(max_loss=0.5).trial == 0


def test_without_a_trial_to_choose_the_reason_is_an_error(front: Front) -> None:
    with raises_about(UsageError, "search-1"):
        front.at_least(natural_accuracy=0.6, pgd_accuracy=0.9).knee()
    with raises_about(UsageError, "search-1"):
        Front(front_data("search-1", [], OBJECTIVES, REFERENCE)).knee()


def test_what_cannot_be_a_minimum_is_refused(front: Front) -> None:
    with raises_about(UsageError, "epochs"):
        front.at_least(epochs=5)
    with raises_about(UsageError, "pgd_accuracy"):
        front.at_least(pgd_accuracy=50)
    with raises_about(UsageError, "max_loss"):
        front.most_robust(max_loss=-1)


def test_an_empty_front_has_the_same_columns() -> None:
    empty = Front(front_data("search-1", [], OBJECTIVES, REFERENCE)).frame
    assert list(empty.columns) == ["natural_accuracy", "pgd_accuracy", "epochs"]
