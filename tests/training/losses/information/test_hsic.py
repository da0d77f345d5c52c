import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from toys import normal

from training.losses.information.hsic import hsic, hsic_of_kernels, kernel_width, pairwise_distances


def plain_kernel(samples: Tensor, neighbours: int) -> list[list[float]]:
    """The kernel by loops: width from the nearest others, exp(-d^2 / (2 s^2))."""
    rows = samples.tolist()
    count = len(rows)
    distances = [[math.dist(a, b) for b in rows] for a in rows]
    nearest = [sorted(distances[i][j] for j in range(count) if j != i)[:neighbours] for i in range(count)]
    width = sum(sum(row) / neighbours for row in nearest) / count
    return [[math.exp(-(d**2) / (2 * width**2)) for d in row] for row in distances]


def plain_hsic(k: list[list[float]], m: list[list[float]]) -> float:
    """Gretton et al. 2005, eq. 4 in double sums: E[kl] + E[k]E[l] - 2 E[E[k] E[l]], times (n / (n - 1))^2."""
    n = len(k)
    every = range(n)
    joint = sum(k[i][j] * m[i][j] for i in every for j in every) / n**2
    apart = sum(map(sum, k)) * sum(map(sum, m)) / n**4
    mixed = sum(sum(k[i]) * sum(m[i]) for i in every) / n**3
    return (joint + apart - 2 * mixed) * (n / (n - 1)) ** 2


def one_hot_classes(classes: int, count: int) -> Tensor:
    return torch.eye(classes, dtype=torch.float64).repeat(count // classes, 1)


@given(st.integers(0, 10_000), st.integers(4, 12), st.integers(1, 3))
def test_agrees_with_double_sums_and_with_the_trace(seed: int, count: int, neighbours: int) -> None:
    first, second = normal(seed, count, 3), normal(seed + 1, count, 5)
    k, m = plain_kernel(first, neighbours), plain_kernel(second, neighbours)
    value = hsic(first, second, neighbours=neighbours).item()
    assert value == pytest.approx(plain_hsic(k, m), rel=1e-9, abs=1e-12)
    centring = torch.eye(count, dtype=torch.float64) - 1 / count
    products = torch.tensor(k, dtype=torch.float64) @ centring @ torch.tensor(m, dtype=torch.float64) @ centring
    assert value == pytest.approx(products.trace().item() / (count - 1) ** 2, rel=1e-9, abs=1e-12)


def test_two_samples_at_the_distance_of_the_width() -> None:
    z = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    # n = 2, one neighbour: the width is the distance, and the value (1 - k)(1 - l) with k = l = exp(-1/2).
    assert hsic(z, z, neighbours=1).item() == pytest.approx((1 - math.exp(-0.5)) ** 2, rel=1e-12)
    assert hsic(z, z, neighbours=1).item() == pytest.approx(0.154818, abs=5e-7)


# A class has count / 10 samples, so that with as many neighbours the last lies in another class: the width is
# sqrt(2) / neighbours, and the kernel between classes exp(-neighbours^2 / 2), zero for all purposes.
@pytest.mark.parametrize(("count", "expected"), [(120, 0.091519), (100, 0.091827)])
def test_separated_classes(count: int, expected: float) -> None:
    z = one_hot_classes(10, count)
    value = hsic(z, z, neighbours=count // 10).item()
    assert value == pytest.approx(0.09 * (count / (count - 1)) ** 2, rel=1e-9)
    assert value == pytest.approx(expected, abs=5e-7)


def test_linear_kernels_give_the_squared_norm_of_the_cross_covariance() -> None:
    first, second = normal(0, 20, 3), normal(1, 20, 4)
    covariance = (first - first.mean(dim=0)).T @ (second - second.mean(dim=0)) / 19
    expected = covariance.square().sum().item()
    assert hsic_of_kernels(first @ first.T, second @ second.T).item() == pytest.approx(expected, rel=1e-10)


@given(st.integers(0, 10_000))
def test_a_view_depends_on_itself_within_the_bound(seed: int) -> None:
    first = normal(seed, 15, 4)
    assert 0 < hsic(first, first, neighbours=5).item() <= 0.25 * (15 / 14) ** 2


def test_width_excludes_the_sample_itself() -> None:
    # On a line at 0, 1, 3: nearest others at 1, 1 and 2.
    positions = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    distances = (positions[:, None] - positions[None, :]).abs()
    assert kernel_width(distances, 1).item() == pytest.approx(4 / 3)


def test_a_detached_width_carries_no_gradient() -> None:
    first, second = normal(0, 6, 2).requires_grad_(), normal(1, 6, 2)
    (gradient,) = torch.autograd.grad(hsic(first, second, neighbours=2), first)
    widths = [kernel_width(torch.cdist(view, view).detach(), 2) for view in (first, second)]
    fixed = [
        torch.exp(-(view[:, None] - view[None, :]).square().sum(dim=2) / (2 * width**2))
        for view, width in zip((first, second), widths, strict=True)
    ]
    (expected,) = torch.autograd.grad(hsic_of_kernels(*fixed), first)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("width", ["nearest", "first_columns"])
def test_the_full_gradient_is_that_of_finite_differences(width: str) -> None:
    first, second = normal(0, 7, 2).requires_grad_(), normal(1, 7, 2)

    def value(view: Tensor) -> Tensor:
        return hsic(view, second, neighbours=2, width=width, width_gradient="full")

    assert torch.autograd.gradcheck(value, (first,))
    (gradient,) = torch.autograd.grad(value(first), first)
    # The value does not change if all distances do by one factor, so the full gradient is orthogonal to the samples.
    assert (gradient * (first - first.mean(dim=0))).sum().item() == pytest.approx(0, abs=1e-12)
    (detached,) = torch.autograd.grad(hsic(first, second, neighbours=2, width=width), first)
    assert not torch.allclose(gradient, detached)


def tight_clusters(seed: int, count: int, dimensions: int, spread: float) -> Tensor:
    """Return samples in ten clusters, whose centres are about 100 from the mean and whose radius is `spread`, float32.

    So many samples of a cluster have all their nearest neighbours in it.
    """
    centres = 100 * functional.normalize(normal(seed, 10, dimensions), dim=1)
    return (centres.repeat(count // 10, 1) + spread * normal(seed + 1, count, dimensions)).float()


@pytest.mark.parametrize("spread", [1e-2, 1e-3])
def test_the_distances_inside_tight_clusters_are_kept(spread: float) -> None:
    z = tight_clusters(0, 120, 32, spread)
    exact = (z.double()[:, None] - z.double()[None, :]).square().sum(dim=2).sqrt()
    torch.testing.assert_close(pairwise_distances(z).double(), exact, rtol=1e-5, atol=0)
    assert kernel_width(pairwise_distances(z), 10).item() == pytest.approx(kernel_width(exact, 10).item(), rel=1e-5)


def test_the_value_for_tight_clusters_is_that_of_brute_force_in_float64() -> None:
    first, second = tight_clusters(0, 120, 32, 1e-3), tight_clusters(2, 120, 32, 1e-3)
    expected = plain_hsic(plain_kernel(first.double(), 10), plain_kernel(second.double(), 10))
    assert hsic(first, second, neighbours=10).item() == pytest.approx(expected, rel=1e-4)


def test_features_with_a_large_common_mean_keep_their_precision() -> None:
    first, second = normal(0, 64, 32), normal(1, 64, 32)
    exact = hsic(first, second, neighbours=10).item()
    shifted = hsic((first + 100).float(), (second + 100).float(), neighbours=10).item()
    assert shifted == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize("count", [2, 10])
def test_a_batch_without_enough_neighbours_is_refused(count: int) -> None:
    z = normal(0, count, 2)
    with pytest.raises(ValueError, match="hsic_neighbours"):
        hsic(z, z, neighbours=10)
