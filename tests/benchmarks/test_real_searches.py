"""The figures of `benchmarks.real_searches` on searches whose progress is known."""

import numpy as np
import pytest
from simulated_search import drive, small_space

from benchmarks.real_searches import Progress, figures, progress
from tuner.ledger import MemoryLedger, Outcome
from tuner.pareto.hypervolume import front_growth, hypervolume
from tuner.pareto.objectives import FloatArray
from tuner.search import Search

ZERO = np.zeros(2)


def made(*hypervolumes: float, pace: float = 1.0) -> Progress:
    """Return a search of which each trial dominates the one before; they end every 10 epochs of `pace` seconds."""
    ends = np.array([10.0 * (index + 1) for index in range(len(hypervolumes))], dtype=np.float64)
    losses = -np.array([[volume, 1.0] for volume in hypervolumes])
    return Progress(ends, ends * pace, losses, len(hypervolumes), float(ends[-1] * pace))


def reported(losses: FloatArray) -> FloatArray:
    return front_growth(losses, ZERO).hypervolumes


def test_the_hypervolume_is_that_of_the_trials_that_have_ended() -> None:
    run = made(0.1, 0.3, pace=2.0)
    assert [run.at_epochs(epochs, reported) for epochs in (9, 10, 19, 20, 99)] == [0.0, 0.1, 0.1, 0.3, 0.3]
    assert [run.at_seconds(seconds, reported) for seconds in (19, 20, 40)] == [0.0, 0.1, 0.3]


def test_a_slower_search_is_behind_at_equal_wall_time_and_ahead_at_equal_epochs() -> None:
    quick, slow = made(0.1, 0.2, 0.3, 0.4), made(0.2, 0.3, 0.4, 0.5, pace=4.0)
    found = figures({"motpe": [quick, quick], "forecast": [slow, slow]}, 40, ZERO)
    assert found["hypervolume"]["equal_epochs"]["1.0"]["lead"] == [pytest.approx(0.1), 0.0]
    assert found["hypervolume"]["equal_wall_time"]["1.0"]["lead"] == [pytest.approx(-0.2), 0.0]
    assert found["seconds_compared"] == 40.0


def test_on_the_scale_of_the_front_an_end_counts_as_much_as_the_extent_of_the_front_says() -> None:
    """The front of both is (-0.9, -0.2), (-0.8, -0.6): with the corner (1.1, 1.1) one point covers 0.11, two 0.21."""
    one = Progress(np.array([10.0]), np.array([10.0]), -np.array([[0.9, 0.2]]), 1, 10.0)
    two = Progress(np.array([5.0, 10.0]), np.array([5.0, 10.0]), -np.array([[0.9, 0.2], [0.8, 0.6]]), 2, 10.0)
    found = figures({"motpe": [one], "forecast": [two]}, 10, ZERO)["hypervolume_on_the_scale_of_the_front"]
    assert found["equal_epochs"]["1.0"]["motpe"] == [pytest.approx(0.11), 0.0]
    assert found["equal_epochs"]["1.0"]["forecast"] == [pytest.approx(0.21), 0.0]
    assert found["equal_epochs"]["0.5"]["lead"] == [pytest.approx(0.11), 0.0]


def test_the_progress_of_a_search_ends_with_its_hypervolume_and_all_its_epochs() -> None:
    space = small_space()
    search = Search(space, MemoryLedger())
    drive(search)
    found = progress(space, search.trials)
    completed = [trial for trial in search.trials if trial.outcome is Outcome.COMPLETED]
    losses = -np.array([[trial.last_metrics[name] for name in space.objectives] for trial in completed])
    assert found.at_epochs(np.inf, reported) == pytest.approx(hypervolume(losses, np.zeros(2)))
    assert found.epochs.max() <= sum(trial.epochs_trained for trial in search.trials)
