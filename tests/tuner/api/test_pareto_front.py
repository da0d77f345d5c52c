"""The front in Python: the frame, and the choices from it."""

import pandas as pd
import pytest
from fake_search import OBJECTIVES, REFERENCE, trial
from raises_about import raises_about

from tuner.api import Front
from tuner.errors import UsageError
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
