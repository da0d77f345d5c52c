"""The geometry of l2 balls: rules that always hold, and the distribution of the draws in closed form."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Tensor
from toys import seeded

from training.attacks.l2_ball import lengths, project, uniform_in_ball, unit

SHAPE = (5, 2, 4, 3)
RADII = st.floats(0, 20, allow_subnormal=False)


def draw(seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(SHAPE, generator=seeded(seed))


@given(RADII, st.floats(0, 30), st.integers(0, 1000))
def test_a_projected_image_lies_in_the_ball_and_in_the_box(radius: float, scale: float, seed: int) -> None:
    images = torch.rand(SHAPE, generator=seeded(seed + 1))
    found = project(images + draw(seed, scale), images, radius)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found - images).double().flatten(1).norm(dim=1).max() <= radius + 1e-6 * max(1, radius)


@given(RADII, st.integers(0, 1000))
def test_what_lies_in_ball_and_box_stays_where_it_is(radius: float, seed: int) -> None:
    images = torch.rand(SHAPE, generator=seeded(seed + 1))
    inside = project(images + draw(seed), images, radius)
    torch.testing.assert_close(project(inside, images, radius), inside, rtol=0, atol=1e-6)


@given(st.floats(0.01, 3), st.integers(0, 1000))
def test_no_point_of_the_ball_is_nearer_than_the_projection(radius: float, seed: int) -> None:
    # In the middle of a wide box, so that the box does not matter.
    images = torch.full(SHAPE, 0.5)
    moved = images + draw(seed, 0.1)
    found = project(moved, images, radius).clamp(0, 1)
    others = (images + uniform_in_ball(images, min(radius, 0.5), seeded(seed + 7))).clamp(0, 1)
    assert (lengths(found - moved) <= lengths(others - moved) + 1e-5).all()


def test_each_image_has_a_radius_of_its_own() -> None:
    images, radii = torch.full(SHAPE, 0.5), torch.linspace(0, 0.4, 5)
    found = project(images + draw(0), images, radii[:, None, None, None])
    torch.testing.assert_close(lengths(found - images).flatten(), radii)


@given(st.sampled_from([1e-30, 1e-20, 1e-3, 1.0, 1e20, 1e37]), st.integers(0, 1000))
def test_a_unit_gradient_has_the_direction_and_the_length_1(scale: float, seed: int) -> None:
    gradients = draw(seed)
    found = unit(gradients * scale)
    torch.testing.assert_close(lengths(found).flatten(), torch.ones(5))
    torch.testing.assert_close(found, gradients / lengths(gradients))


def test_a_gradient_of_zero_stays_zero_and_what_is_not_finite_does_not_spread() -> None:
    gradients = draw(0)
    gradients[0] = 0
    gradients[1, 0, 0, 0] = torch.nan
    gradients[2, 0, 0, 0] = -torch.inf
    found = unit(gradients)
    assert not found[0].any()
    assert found.isfinite().all()
    assert found[1, 0, 0, 0] == 0
    assert found[2, 0, 0, 0] == -1
    torch.testing.assert_close(lengths(found)[1:].flatten(), torch.ones(4))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 2), (2, 1, 2)])
def test_draws_are_uniform_in_the_ball(shape: tuple[int, int, int]) -> None:
    images, radius, values = torch.zeros(20_000, *shape), 0.7, math.prod(shape)
    found = uniform_in_ball(images, radius, seeded(0)).flatten(1)
    # The share of a ball's volume within a length is (length / radius)^d, uniform in [0, 1].
    assert kstest(((found.norm(dim=1) / radius) ** values).numpy(), "uniform").pvalue > 0.01
    # Every direction is as likely as any other: the covariance is radius^2 / (d + 2) times the identity.
    expected = radius**2 / (values + 2) * torch.eye(values)
    torch.testing.assert_close(found.T.cov().reshape(values, values), expected, rtol=0, atol=0.006)
    assert found.mean(dim=0).abs().max() < 0.01
