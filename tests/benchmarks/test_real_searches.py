"""The figures of `benchmarks.real_searches` on searches whose progress is known."""

import numpy as np
import pytest
from simulated_search import drive, small_space

from benchmarks.real_searches import Progress, figures, progress
from tuner.ledger import MemoryLedger, Outcome
from tuner.pareto.hypervolume import hypervolume
from tuner.search import Search


def made(*hypervolumes: float, pace: float = 1.0) -> Progress:
    """Return a search whose trials end every 10 epochs, each `pace` seconds long."""
    ends = np.array([10.0 * (index + 1) for index in range(len(hypervolumes))], dtype=np.float64)
    return Progress(ends, ends * pace, np.array(hypervolumes), len(hypervolumes), float(ends[-1] * pace))


def test_the_hypervolume_is_that_of_the_trials_that_have_ended() -> None:
    run = made(0.1, 0.3, pace=2.0)
    assert [run.at_epochs(epochs) for epochs in (9, 10, 19, 20, 99)] == [0.0, 0.1, 0.1, 0.3, 0.3]
    assert [run.at_seconds(seconds) for seconds in (19, 20, 40)] == [0.0, 0.1, 0.3]


def test_a_slower_search_is_behind_at_equal_wall_time_and_ahead_at_equal_epochs() -> None:
    quick, slow = made(0.1, 0.2, 0.3, 0.4), made(0.2, 0.3, 0.4, 0.5, pace=4.0)
    found = figures({"motpe": [quick, quick], "forecast": [slow, slow]}, 40)
    assert found["equal_epochs"]["1.0"]["lead"] == [pytest.approx(0.1), 0.0]
    assert found["equal_wall_time"]["1.0"]["lead"] == [pytest.approx(-0.2), 0.0]
    assert found["seconds_compared"] == 40.0


def test_the_progress_of_a_search_ends_with_its_hypervolume_and_all_its_epochs() -> None:
    space = small_space()
    search = Search(space, MemoryLedger())
    drive(search)
    found = progress(space, search.trials)
    completed = [trial for trial in search.trials if trial.outcome is Outcome.COMPLETED]
    losses = -np.array([[trial.last_metrics[name] for name in space.objectives] for trial in completed])
    assert found.at_epochs(np.inf) == pytest.approx(hypervolume(losses, np.zeros(2)))
    assert found.epochs.max() <= sum(trial.epochs_trained for trial in search.trials)
