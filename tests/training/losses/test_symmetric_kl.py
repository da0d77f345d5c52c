import math

import pytest
import torch
from fixed_outputs import draw_output
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence

from training.losses.symmetric_kl import kl_of_logits, symmetric_kl, symmetric_kl_of_logits
from training.models import Gaussian


def draw(seed: int, batch: int, dimensions: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mu = torch.randn(batch, dimensions, generator=generator, dtype=torch.float64)
    return Gaussian(mu, torch.rand(batch, dimensions, generator=generator, dtype=torch.float64) + 0.1)


def constant(mu: float, sigma: float, dimensions: int = 1) -> Gaussian:
    shape = (3, dimensions)
    return Gaussian(torch.full(shape, mu, dtype=torch.float64), torch.full(shape, sigma, dtype=torch.float64))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (constant(0, 1), constant(1, 1), 0.5),
        (constant(0, 1), constant(0, 2), 0.5625),
        (constant(0, 1, 256), constant(0.1, 1, 256), 1.28),
        (constant(3, 0.2, 5), constant(3, 0.2, 5), 0.0),
    ],
)
def test_known_values(first: Gaussian, second: Gaussian, expected: float) -> None:
    assert symmetric_kl(first, second).item() == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 12))
def test_agrees_with_torch_distributions(seed: int, batch: int, dimensions: int) -> None:
    first, second = draw(seed, batch, dimensions), draw(seed + 1, batch, dimensions)
    p, q = (Independent(Normal(*gaussian), 1) for gaussian in (first, second))
    expected = (kl_divergence(p, q) + kl_divergence(q, p)).mean() / 2
    assert symmetric_kl(first, second).item() == pytest.approx(expected.item(), rel=1e-12)


def test_half_precision_is_widened() -> None:
    first = Gaussian(torch.zeros(2, 3, dtype=torch.bfloat16), torch.ones(2, 3, dtype=torch.bfloat16))
    second = Gaussian(torch.full((2, 3), 0.1), torch.ones(2, 3))
    result = symmetric_kl(first, second)
    assert result.dtype == torch.float32
    assert result.item() == pytest.approx(3 * 0.5 * 0.1**2, rel=1e-5)


def test_gradient_is_finite_at_the_floor_of_sigma() -> None:
    sigma = torch.full((1, 1), 1e-3, requires_grad=True)
    value = symmetric_kl(Gaussian(torch.zeros(1, 1), sigma), Gaussian(torch.zeros(1, 1), torch.ones(1, 1)))
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == pytest.approx(0.25 * 1e6, rel=1e-4)
    assert sigma.grad is not None
    # d/ds of s^-2 / 4 is -s^-3 / 2.
    assert sigma.grad.item() == pytest.approx(-0.5e9, rel=1e-3)
    assert math.isfinite(sigma.grad.item())


@given(st.integers(0, 10_000))
def test_the_symmetric_kl_of_logits_is_the_mean_of_both_directions(seed: int) -> None:
    first, second = draw_output(seed).logits, draw_output(seed + 1).logits
    expected = (kl_of_logits(first, second) + kl_of_logits(second, first)) / 2
    assert symmetric_kl_of_logits(first, second).item() == pytest.approx(expected.item(), rel=1e-10)
    assert symmetric_kl_of_logits(first, first) == 0


def test_the_divergences_of_saturated_logits_have_finite_gradients() -> None:
    first, second = torch.tensor([[300.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 300.0]], requires_grad=True)
    for divergence in (kl_of_logits, symmetric_kl_of_logits):
        gradients = torch.autograd.grad(divergence(first, second), [first, second])
        assert all(gradient.isfinite().all() for gradient in gradients)
