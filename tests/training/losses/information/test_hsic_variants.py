import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toys import normal

from training.losses.information.hsic import (
    NORMALISATIONS,
    cca,
    cka,
    first_columns_width,
    hsic,
    hsic_of_kernels,
    unbiased,
    unnormalised,
)
from training.registry import ESTIMATORS


def kernel(seed: int, count: int) -> Tensor:
    """Return an RBF kernel matrix (count, count) of width 1 in three dimensions."""
    samples = normal(seed, count, 3)
    return torch.exp(-torch.cdist(samples, samples).square() / 2)


def centring(count: int) -> Tensor:
    return torch.eye(count, dtype=torch.float64) - 1 / count


def test_the_names_are_those_of_the_configuration() -> None:
    rule = ESTIMATORS["hsic"].knobs["hsic_normalisation"].metadata["rule"]
    assert all(map(rule.holds, NORMALISATIONS))
    assert rule.description == f"one of {', '.join(NORMALISATIONS)}"


@given(st.integers(0, 10_000), st.integers(4, 9))
def test_unnormalised_is_the_trace(seed: int, count: int) -> None:
    k, m, h = kernel(seed, count), kernel(seed + 1, count), centring(count)
    assert unnormalised(k, m).item() == pytest.approx((k @ h @ m @ h).trace().item(), rel=1e-9, abs=1e-12)
    assert hsic_of_kernels(k, m).item() * (count - 1) ** 2 == pytest.approx(unnormalised(k, m).item(), rel=1e-12)


@given(st.integers(0, 10_000), st.integers(4, 9))
def test_cka_is_a_cosine_of_centred_kernels(seed: int, count: int) -> None:
    k, m, h = kernel(seed, count), kernel(seed + 1, count), centring(count)
    expected = torch.cosine_similarity((h @ k @ h).flatten(), (h @ m @ h).flatten(), dim=0)
    assert cka(k, m).item() == pytest.approx(expected.item(), rel=1e-9)
    assert cka(k, k).item() == pytest.approx(1)


@given(st.integers(0, 10_000), st.integers(4, 9))
def test_cca_is_the_trace_of_hbars_products(seed: int, count: int) -> None:
    # HBaR's own form: K H (K H + eps n I)^-1, not symmetric; the trace of the product is the same.
    h, ridge = centring(count), 1e-5 * count * torch.eye(count, dtype=torch.float64)
    products = [k @ h @ torch.linalg.inv(k @ h + ridge) for k in (kernel(seed, count), kernel(seed + 1, count))]
    expected = (products[0] @ products[1]).trace().item()
    assert cca(kernel(seed, count), kernel(seed + 1, count)).item() == pytest.approx(expected, rel=1e-6)
    assert expected <= count - 1 + 1e-9


@given(st.integers(0, 10_000), st.integers(4, 6))
def test_unbiased_is_the_mean_over_distinct_samples(seed: int, count: int) -> None:
    # Song et al. 2012, section 2.3: expectations of products, each over all tuples of different indices.
    k, m = kernel(seed, count).tolist(), kernel(seed + 1, count).tolist()
    every = range(count)
    pairs = [k[i][j] * m[i][j] for i in every for j in every if i != j]
    triples = [k[i][j] * m[i][q] for i in every for j in every for q in every if len({i, j, q}) == 3]
    quads = [k[i][j] * m[q][r] for i in every for j in every for q in every for r in every if len({i, j, q, r}) == 4]
    expected = sum(pairs) / len(pairs) + sum(quads) / len(quads) - 2 * sum(triples) / len(triples)
    assert unbiased(kernel(seed, count), kernel(seed + 1, count)).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_unbiased_is_near_zero_without_dependence_where_biased_is_not() -> None:
    values = {
        name: [
            hsic(normal(2 * seed, 40, 8), normal(2 * seed + 1, 40, 8), neighbours=5, normalisation=name).item()
            for seed in range(40)
        ]
        for name in ("biased", "unbiased")
    }
    means = {name: sum(found) / len(found) for name, found in values.items()}
    assert abs(means["unbiased"]) < means["biased"] / 10
    assert min(values["unbiased"]) < 0


def test_unbiased_needs_four_samples() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        unbiased(kernel(0, 3), kernel(1, 3))


def test_first_columns_are_the_distances_to_the_batchs_first_samples() -> None:
    # On a line at 0, 1, 3: to the first two 0, 1 / 1, 0 / 3, 2, themselves included.
    positions = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    distances = (positions[:, None] - positions[None, :]).abs()
    width = first_columns_width(distances, 2).item()
    assert width == pytest.approx(7 / 6)
    z = positions[:, None]
    k = [[math.exp(-((a - b) ** 2) / width**2) for b in positions.tolist()] for a in positions.tolist()]
    matrix = torch.tensor(k, dtype=torch.float64)
    expected = hsic_of_kernels(matrix, matrix).item()
    assert hsic(z, z, neighbours=2, width="first_columns").item() == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="hsic_neighbours"):
        hsic(z, z, neighbours=3, width="first_columns")


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("width", ["nearest", "first_columns"])
@pytest.mark.parametrize("width_gradient", ["detached", "full"])
def test_symmetric_and_finite_for_coincident_samples(normalisation: str, width: str, width_gradient: str) -> None:
    some_equal = normal(0, 6, 3).float().repeat(2, 1).requires_grad_()
    all_equal = torch.full((12, 3), 0.7, requires_grad=True)
    other = normal(1, 12, 3).float()
    one, two = (
        hsic(*pair, neighbours=2, normalisation=normalisation, width=width, width_gradient=width_gradient)
        for pair in ((some_equal, other), (other, some_equal))
    )
    assert one.dtype == torch.float32
    assert one.item() == pytest.approx(two.item(), rel=1e-4)
    for view in (some_equal, all_equal):
        value = hsic(view, other, neighbours=2, normalisation=normalisation, width=width, width_gradient=width_gradient)
        (gradient,) = torch.autograd.grad(value, view)
        assert value.isfinite()
        assert gradient.isfinite().all()
    assert value.item() == pytest.approx(0, abs=1e-5), "a constant depends on nothing"
