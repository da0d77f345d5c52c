"""The benchmark of repeats: what luck it adds, and what it says of a reported front."""

import numpy as np
import pytest

from benchmarks.reseed import Reported, compared, lucky
from benchmarks.search_quality.scale import scale_of
from benchmarks.search_quality.tasks import random_points, trade_off


def test_luck_differs_by_seed_and_has_its_share_of_the_front() -> None:
    task = trade_off()
    (point,) = random_points(task, 1, seed=0)
    noisy, extent = lucky(task, 0.2), scale_of(task).high - scale_of(task).low
    ends = np.array([noisy.curve({**point, "seed": seed})[-1] - task.curve(point)[-1] for seed in range(300)])
    assert ends.std(axis=0) == pytest.approx(0.2 * extent, rel=0.15)
    assert (noisy.curve(point) == noisy.curve(point)).all()
    first = noisy.curve(point)[0] - task.curve(point)[0]
    assert first * 6 == pytest.approx(noisy.curve(point)[-1] - task.curve(point)[-1]), "the root of 36 epochs"


def test_a_front_that_flatters_is_worth_less_than_it_says() -> None:
    true = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.9]])
    honest = Reported(true[:2], true[:2], repeats=3)
    flattering = Reported(np.array([[0.2, 0.8], [0.1, 0.1]]), true[[0, 2]], repeats=0)
    found = compared({"none": [flattering], "front": [honest]})
    assert found["reseed: front"]["choice"][0] == pytest.approx(1.0, rel=0.03)
    assert found["reseed: front"]["flattery"][0] == pytest.approx(0.0)
    assert found["reseed: none"]["choice"][0] < 0.5
    assert found["reseed: none"]["flattery"][0] > 0.5
    assert [found[f"reseed: {method}"]["repeats"][0] for method in ("none", "front")] == [0, 3]
