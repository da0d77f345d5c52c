"""The simulation behind the benchmark of the search's quality, and its figures, on cases with known answers."""

import math

import moocore
import numpy as np
import pytest

from benchmarks.search_quality.measure import Scale, epochs_to, mean_and_error, volumes_at
from benchmarks.search_quality.methods import DEFAULT, METHODS
from benchmarks.search_quality.report import against, ranks
from benchmarks.search_quality.simulate import FullTraining, simulate, space_of
from benchmarks.search_quality.tasks import Task, analytic_tasks, random_points, trade_off
from tuner.asha import milestones

UNIT = Scale(np.zeros(2), np.ones(2))
TRAININGS = [FullTraining(10, (0.5, 0.6)), FullTraining(25, (0.7, 0.7)), FullTraining(30, (0.2, 0.9))]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("method", ["random, full trainings", "random"])
def test_a_simulation_spends_its_epochs_and_counts_full_trainings_only(method: str, workers: int) -> None:
    task = trade_off()
    search, early_stopping = METHODS[method]
    space = space_of(task, {**search, "seed": 3}, early_stopping, 6 * task.epochs)
    found = simulate(task, space, workers)
    spent = [training.spent for training in found]
    assert spent == sorted(spent)
    assert max(spent) <= 6 * task.epochs
    if early_stopping and workers == 1:
        assert spent == [task.epochs * count for count in range(1, 7)]
    assert found == simulate(task, space, workers), "the same seed, the same search"


def test_the_first_trial_of_a_search_is_never_stopped() -> None:
    """With one worker it reaches the end after its own epochs, whatever the method."""
    task = trade_off()
    space = space_of(task, {"sampler": "random"}, {}, 2 * task.epochs)
    assert simulate(task, space, 1)[0].spent == task.epochs


def test_curves_are_functions_of_the_point_and_cover_all_epochs() -> None:
    for task in analytic_tasks():
        for point in random_points(task, 5, seed=0):
            curve = task.curve(point)
            assert curve.shape == (task.epochs, 2)
            assert np.isfinite(curve).all()
            assert np.array_equal(curve, task.curve(dict(reversed(point.items()))))
        assert milestones(task.grace_epochs, 3, task.epochs)


def test_the_hypervolume_at_an_epoch_is_that_of_what_has_ended_by_then() -> None:
    losses = np.array([training.losses for training in TRAININGS])
    volumes = volumes_at(TRAININGS, UNIT, [9, 10, 29, 30])
    known = [float(moocore.hypervolume(losses[:count], ref=[1.1, 1.1])) for count in (1, 2, 3)]
    assert volumes == pytest.approx([0.0, *known])
    assert volumes_at([], UNIT, [1]) == [0.0]


def test_the_epochs_to_a_target_are_those_of_the_trial_that_reached_it() -> None:
    first, last = volumes_at(TRAININGS, UNIT, [10, 30])
    assert epochs_to(TRAININGS, UNIT, first) == 10
    assert epochs_to(TRAININGS, UNIT, last) == 30
    assert epochs_to(TRAININGS, UNIT, last + 0.01) == math.inf


def test_mean_and_standard_error_in_closed_form() -> None:
    assert mean_and_error([1.0, 3.0]) == (2.0, 1.0)
    assert mean_and_error([2.0]) == (2.0, 0.0)


def result_of(**finals: list[float]) -> dict[str, dict[str, dict[str, dict[str, list[object]]]]]:
    """Give one task with the final shares of each method by seed."""
    methods: dict[str, dict[str, list[object]]] = {
        method: {"share_of_best": [mean_and_error(values)], "shares_by_seed": list(values)}
        for method, values in finals.items()
    }
    return {"task": {"methods": methods}}


def test_ranks_begin_at_one_and_share_places() -> None:
    tasks = result_of(a=[0.5, 0.5], b=[0.9, 0.9], c=[0.5, 0.5])
    assert ranks(tasks, ["a", "b", "c"], 0) == {"a": 2.5, "b": 1.0, "c": 2.5}


def test_methods_are_compared_seed_by_seed() -> None:
    assert against(result_of(a=[0.5, 0.9], b=[0.4, 0.6]), "a", "b")["task"] == pytest.approx((0.2, 0.1))


def test_the_default_is_one_of_the_methods() -> None:
    assert DEFAULT in METHODS


def test_a_task_is_its_own_description() -> None:
    assert len({task.name for task in analytic_tasks()}) == len(analytic_tasks())
    assert isinstance(trade_off(), Task)
