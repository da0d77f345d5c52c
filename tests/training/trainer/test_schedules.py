from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import ignore, make_config, make_data, same_weights, without_seconds

from training.config import parse_trial
from training.trainer import Trainer
from training.trainer.schedules import learning_rate_at, progress_at

EPOCHS = 120


@pytest.mark.parametrize(("step", "drops"), [(0, 0), (74, 0), (75, 1), (89, 1), (90, 2), (99, 2), (100, 3), (119, 3)])
def test_learning_rate_drops_after_75_90_and_100_finished_epochs(step: int, drops: int) -> None:
    assert learning_rate_at(parse_trial({}), step / EPOCHS) == pytest.approx(0.1 * 0.1**drops)


@given(st.integers(1, 400), st.integers(1, 24))
def test_a_drop_falls_on_the_first_step_of_its_epoch_in_any_budget(steps: int, factor: int) -> None:
    config = parse_trial({"learning_rate": 1.0, "lr_drops": [75 / 120]})
    last_before, first_after = ((5 * factor * steps + shift) / (8 * factor * steps) for shift in (-1, 0))
    assert learning_rate_at(config, last_before) == 1.0
    assert learning_rate_at(config, first_after) == 0.1


@given(st.integers(1, 200), st.integers(1, 50))
def test_progress_grows_evenly_from_step_to_step(epochs: int, steps: int) -> None:
    config = parse_trial({"epochs": epochs})
    found = [progress_at(config, epoch, step, steps) for epoch in range(epochs) for step in range(steps)]
    assert found == [index / (epochs * steps) for index in range(epochs * steps)]


def trained(**changes: Any) -> Trainer:
    """Train a small network with two steps an epoch."""
    trainer = Trainer(make_config(architecture="cnn4", **changes), make_data(side=16, train=32), "cpu")
    trainer.run(ignore)
    return trainer


@pytest.mark.parametrize(("rungs", "expected"), [([], [4, 6]), ([1, 3], [1, 3, 4, 6])])
def test_every_so_many_epochs_are_evaluated_and_all_rungs(rungs: list[int], expected: list[int]) -> None:
    history = trained(epochs=6, eval_every=4, rungs=rungs).history
    for accuracy in ("natural_accuracy", "pgd_accuracy"):
        assert [epoch for epoch, metrics in enumerate(history, start=1) if accuracy in metrics] == expected


def test_how_often_it_evaluates_changes_nothing_in_training() -> None:
    often, seldom = (trained(epochs=3, eval_every=every) for every in (1, 3))
    assert same_weights(often.model, seldom.model)
    assert without_seconds(often.history[-1:]) == without_seconds(seldom.history[-1:])


def test_a_training_that_stops_early_is_the_beginning_of_the_whole_one() -> None:
    """The schedules are those of the whole budget, and the last epoch is evaluated."""
    whole, part = trained(epochs=4, eval_every=3), trained(epochs=4, eval_every=3, stop_after=2)
    assert (part.epoch, part.epochs) == (2, 2)
    for epoch in (0, 1):
        for name in ("loss/total", "lambda", "learning_rate"):
            assert part.history[epoch][name] == whole.history[epoch][name]
    assert ["pgd_accuracy" in metrics for metrics in part.history] == [False, True]
