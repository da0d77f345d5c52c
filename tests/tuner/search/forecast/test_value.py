"""The worth of final losses: expected hypervolume improvement, against its closed form."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.measured import Wanted
from tuner.search.forecast.value import FinalFront

FRONT = np.array([[0.0, 1.0], [0.3, 0.5], [1.0, 0.0]])
MEAN, DEVIATION = np.array([0.4, 0.3]), np.array([0.2, 0.1])


def below(edge: float, axis: int) -> float:
    """Return E[max(0, edge - loss)] of a normal loss."""
    z = (edge - MEAN[axis]) / DEVIATION[axis]
    return float(DEVIATION[axis] * (z * norm.cdf(z) + norm.pdf(z)))


def wanted(reference: float = -math.inf, limits: FloatArray | None = None, constraints: int = 0) -> Wanted:
    """Return what is wanted of two objectives; without a reference point that a loss is better than by default."""
    return Wanted(limits, constraints, np.full(2, reference))


@pytest.mark.parametrize(("reference", "edge", "unit"), [(-math.inf, 1.1, 1.0), (2.0, 2.0, 2.0)])
def test_the_worth_is_the_expected_hypervolume_improvement(reference: float, edge: float, unit: float) -> None:
    """In each strip between two members it is a product of two known expectations, since the losses are independent."""
    edges, ceilings = [-math.inf, 0.0, 0.3, 1.0, edge], [edge, 1.0, 0.5, 0.0]
    widths = [below(b, 0) - (below(a, 0) if math.isfinite(a) else 0) for a, b in pairwise(edges)]
    exact = sum(width * below(ceiling, 1) for width, ceiling in zip(widths, ceilings, strict=True))
    samples = MEAN + DEVIATION * np.random.default_rng(0).standard_normal((200_000, 1, 2))
    front = FinalFront(FRONT, None, FRONT[:0], wanted(reference))
    assert front.worth(samples)[0] == pytest.approx(exact / unit**2, rel=0.01)


@pytest.mark.parametrize("reference", [-math.inf, 2.0])
def test_the_worth_does_not_depend_on_the_units_of_the_losses(reference: float) -> None:
    samples = np.random.default_rng(1).random((50, 4, 2))
    scale, shift = np.array([1000.0, 0.01]), np.array([-7.0, 3.0])
    plain = FinalFront(FRONT, None, FRONT[:0], wanted(reference)).worth(samples)
    moving = Wanted(None, 0, scale * reference + shift)
    moved = FinalFront(scale * FRONT + shift, None, FRONT[:0], moving).worth(scale * samples + shift)
    assert moved == pytest.approx(plain)


def test_losses_that_are_worse_than_the_reference_point_add_nothing() -> None:
    front = FinalFront(FRONT, None, FRONT[:0], Wanted(None, 0, np.array([2.0, 0.7])))
    samples = np.array([[[-0.5, 0.8], [-0.5, 0.6]]])
    worse, better = front.worth(samples)
    assert worse == 0
    assert better > 0


def test_before_any_trial_is_better_than_the_reference_point_the_extent_of_the_front_counts() -> None:
    samples = np.random.default_rng(2).random((50, 4, 2))
    front = FinalFront(FRONT, None, FRONT[:0], wanted(0.2))
    assert (front.worth(samples) == FinalFront(FRONT, None, FRONT[:0], wanted()).worth(samples)).all()


def test_running_trials_take_the_worth_of_what_they_are_believed_to_add() -> None:
    place = np.array([[[0.5, 0.2]]])
    assert FinalFront(FRONT, None, FRONT[:0], wanted()).worth(place)[0] > 0
    assert FinalFront(FRONT, np.array([[0.5, 0.2]]), FRONT[:0], wanted()).worth(place)[0] == 0


def test_a_front_that_is_predicted_to_reach_farther_moves_the_reference_point() -> None:
    corner = np.array([[[0.45, 0.45]]])
    known = np.array([[0.4, 0.5], [0.5, 0.4]])
    far = np.array([[[1.5, 0.1]]])
    assert FinalFront(known, None, known[:0], wanted()).worth(far)[0] == 0
    front = FinalFront(known, None, np.array([[0.0, 2.0], [2.0, 0.0]]), wanted())
    assert front.worth(far)[0] > front.worth(corner)[0] > 0


def test_losses_beyond_a_limit_add_nothing() -> None:
    limits = np.array([np.inf, np.inf, 0.5])
    known = np.column_stack([FRONT, [0.1, 0.2, 0.3]])
    front = FinalFront(known, None, known[:0], wanted(limits=limits, constraints=1))
    samples = np.array([[[0.2, 0.2, 0.4], [0.2, 0.2, 0.6]]])
    allowed, beyond = front.worth(samples)
    assert allowed == FinalFront(FRONT, None, FRONT[:0], wanted()).worth(samples[:, :, :2])[0]
    assert beyond == 0


def test_before_any_trial_is_within_the_limits_the_least_violation_counts() -> None:
    limits = np.array([np.inf, np.inf, 0.5])
    known = np.column_stack([FRONT, [0.9, 1.2, 1.9]])  # the least violation is 0.4, and their range is 1
    front = FinalFront(known, None, known[:0], wanted(limits=limits, constraints=1))
    samples = np.array([[[0.9, 0.9, 0.3], [0.1, 0.1, 0.7], [0.1, 0.1, 1.0]]])
    assert front.worth(samples) == pytest.approx([0.4, 0.2, 0.0])


def test_as_long_as_nothing_is_within_the_limits_running_trials_take_the_worth_of_coming_nearer() -> None:
    known, limits = np.array([[0.9, 0.0], [0.5, 1.0]]), np.array([0.1, np.inf])
    nearer, within = np.array([[[0.3, 0.5]]]), np.array([[[0.05, 0.5], [0.05, 0.4]]])

    def worth(believed: FloatArray | None, samples: FloatArray) -> FloatArray:
        return FinalFront(known, believed, known[:0], wanted(2.0, limits)).worth(samples)

    assert worth(None, nearer)[0] > 0
    assert worth(nearer[0], nearer)[0] == 0
    taken, better = worth(within[0, :1], within)
    assert taken == 0
    assert better > 0, "of two trials within the limits one takes the hypervolume of the other only"
