"""The benchmark reads spaces without the tuner's packages, so it must read them as the tuner does."""

import pytest

from benchmarks.evaluation_share import _SETS, _config, _evaluations
from training.data import load_trial_data
from tuner.space import load_space


@pytest.mark.parametrize("name", ["digits_tradeoff", "mnist_tradeoff", "cifar10_tradeoff", "cifar100_tradeoff"])
def test_trials_are_evaluated_as_often_as_in_a_search(name: str) -> None:
    space = load_space(name)
    compared = {*space.rung_epochs, space.epochs}
    every = space.trial_config(space.search.start_points[0]).eval_every
    wanted = {epoch for epoch in range(1, space.epochs + 1) if epoch in compared or epoch % every == 0}
    assert _evaluations(_config(name)) == len(wanted)


def test_digits_have_the_images_that_it_counts_with() -> None:
    config = _config("digits_tradeoff")
    data = load_trial_data(config)
    assert _SETS["digits"] == (len(data.train), len(data.validation), *data.image_shape[:2], data.num_classes)
