"""What a reported front is worth to its user, against the hypervolume, a closed form and brute force."""

import numpy as np
import pytest
from scipy.stats import norm

from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.reported_front import ReportedFront, directions, utilities

FRONT = np.array([[1.0, 0.1], [0.7, 0.6], [0.3, 0.9], [0.2, 0.2]])


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_front_whose_reports_are_true_is_worth_its_hypervolume(objectives: int) -> None:
    improvements = np.random.default_rng(0).random((6, objectives))
    exact = hypervolume(-improvements, np.zeros(objectives))
    assert ReportedFront(improvements, improvements[None]).value == pytest.approx(exact, rel=0.03)


def test_a_point_that_looks_better_than_it_is_costs_what_the_better_one_would_have_given() -> None:
    wrong = np.vstack([FRONT, [0.95, 0.95]])  # in truth [0.4, 0.4], behind [0.7, 0.6]
    true = np.vstack([FRONT, [0.4, 0.4]])
    honest = ReportedFront(true, true[None]).value
    assert honest == pytest.approx(ReportedFront(FRONT, FRONT[None]).value)
    assert ReportedFront(wrong, true[None]).value < 0.8 * honest


def test_to_learn_the_truth_of_a_wrong_report_gains_what_it_cost() -> None:
    wrong, true = np.vstack([FRONT, [0.95, 0.95]]), np.vstack([FRONT, [0.4, 0.4]])
    front = ReportedFront(wrong, true[None])
    assert front.gain(4, true[None, 4]) == pytest.approx(ReportedFront(true, true[None]).value - front.value)
    assert front.gain(3, true[None, 3]) == 0.0  # what is known already gains nothing


def test_one_objective_is_the_knowledge_gradient_of_two_normal_arms() -> None:
    """Point 0 is known, 1 is uncertain: E[max(known, belief)] - max(known, mean) = s (phi(z) - z Phi(-z))."""
    rng = np.random.default_rng(1)
    known, mean, deviation = 5.0, 4.8, 0.3
    belief = mean + deviation * rng.standard_normal(20_000)
    samples = np.stack([np.full(len(belief), known), belief], axis=1)[:, :, None]
    front = ReportedFront(np.array([[known], [mean]]), samples)
    z = (known - mean) / deviation
    expected = deviation * (norm.pdf(z) - z * norm.cdf(-z))
    assert front.gain(1, belief[:, None]) == pytest.approx(expected, rel=0.05)


def test_a_gain_is_that_of_the_changed_report() -> None:
    """Brute force: for each sample the value of the front that is then reported."""
    rng = np.random.default_rng(2)
    reported, true, then = rng.random((5, 2)), rng.random((20, 5, 2)), rng.random((20, 2))
    front = ReportedFront(reported, true)
    for place in range(5):
        pairs = zip(then, true, strict=True)
        changed = [ReportedFront(_with(reported, place, row), sample[None]).value for row, sample in pairs]
        assert front.gain(place, then) == pytest.approx(np.mean(changed) - front.value)


def test_what_is_behind_the_reference_point_is_no_choice() -> None:
    front = ReportedFront(np.zeros((1, 2)), np.ones((1, 1, 2)))
    assert front.value == 0.0
    assert front.gain(0, np.ones((1, 2))) > 0.5


def test_a_utility_is_the_smallest_ratio_to_the_power_of_the_objectives() -> None:
    spread = directions(2)
    assert np.linalg.norm(spread, axis=1) == pytest.approx(np.ones(len(spread)))
    assert utilities(np.array([0.3, 0.4]), np.array([[0.6, 0.8], [0.8, 0.6]])) == pytest.approx([0.25, 0.375**2])


def _with(rows: FloatArray, place: int, row: FloatArray) -> FloatArray:
    changed = rows.copy()
    changed[place] = row
    return changed
