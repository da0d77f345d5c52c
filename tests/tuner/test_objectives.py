"""Metrics as losses: lower is better, whatever the direction."""

import numpy as np

from tuner.objectives import Objective, as_losses

UP, DOWN = Objective("accuracy", maximise=True), Objective("seconds", maximise=False)


def test_what_is_maximised_changes_its_sign() -> None:
    metrics = [{"accuracy": 0.9, "seconds": 3.0, "loss": 1.0}, {"seconds": 2.0, "accuracy": 0.5}]
    assert as_losses(metrics, [UP, DOWN]).tolist() == [[-0.9, 3.0], [-0.5, 2.0]]
    assert as_losses(metrics, [DOWN]).tolist() == [[3.0], [2.0]]


def test_a_missing_metric_is_nan() -> None:
    losses = as_losses([{"accuracy": 0.9}, {"seconds": float("nan")}], [UP, DOWN])
    assert np.isnan(losses).tolist() == [[False, True], [True, True]]


def test_no_trials_are_a_matrix_without_rows() -> None:
    assert as_losses([], [UP, DOWN]).shape == (0, 2)
