"""Metrics as losses: lower is better, whatever the direction."""

import numpy as np
import pytest

from tuner.pareto.objectives import Objective, as_losses, loss_limits, within_limits

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


AT_LEAST, AT_MOST = Objective("accuracy", maximise=True, limit=0.8), Objective("seconds", maximise=False, limit=60.0)


def test_limits_become_the_largest_accepted_losses() -> None:
    assert loss_limits([UP, DOWN]) is None
    limits = loss_limits([AT_LEAST, DOWN, AT_MOST])
    assert limits is not None
    assert limits.tolist() == [-0.8, np.inf, 60.0]


@pytest.mark.parametrize(
    ("accuracy", "seconds", "expected"),
    [(0.8, 60.0, True), (0.9, 1.0, True), (0.79, 1.0, False), (0.9, 61.0, False), (float("nan"), 1.0, False)],
)
def test_a_value_at_its_limit_is_within_it(accuracy: float, seconds: float, expected: bool) -> None:
    metrics = {"accuracy": accuracy, "seconds": seconds}
    assert within_limits(metrics, [AT_LEAST, AT_MOST]) is expected
    assert within_limits(metrics, [UP, DOWN])
    assert not within_limits({}, [AT_LEAST])
