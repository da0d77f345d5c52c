import pytest
import torch
from torch import Tensor
from toys import normal

from training.losses.information.stein import stein_scores


def plain_scores(samples: Tensor, eigenfunctions: int) -> Tensor:
    """Shi et al. 2018, eq. 9-14, eigenfunction by eigenfunction, their gradients by autograd."""
    count = len(samples)
    width = torch.pdist(samples).median()

    def kernel(x: Tensor) -> Tensor:
        return torch.exp(-(x[None, :] - samples).square().sum(dim=1) / (2 * width**2))

    gram = torch.stack([kernel(x) for x in samples])
    eigenvalues, vectors = torch.linalg.eigh(gram)
    scores = torch.zeros_like(samples)
    for j in range(count - eigenfunctions, count):
        points = samples.clone().requires_grad_()
        psi = torch.stack([count**0.5 / eigenvalues[j] * kernel(x) @ vectors[:, j] for x in points])
        (slopes,) = torch.autograd.grad(psi.sum(), points)
        coefficient = -slopes.mean(dim=0)
        scores += psi.detach()[:, None] * coefficient
    return scores


@pytest.mark.parametrize("kept_share", [0.8, 0.95, 0.999])
def test_agrees_with_the_expansion_written_out(kept_share: float) -> None:
    samples = normal(0, 14, 3) + 2
    scores = stein_scores(samples, kept_share=kept_share)
    expected = plain_scores(samples, int(scores.eigenfunctions))
    torch.testing.assert_close(scores.values, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kept_share", [0.8, 0.95, 0.999])
def test_keeps_the_fewest_eigenfunctions_that_hold_the_share(kept_share: float) -> None:
    samples = normal(1, 20, 3)
    squared = torch.cdist(samples, samples).square()
    spectrum = torch.linalg.eigvalsh(torch.exp(-squared / (2 * torch.pdist(samples).median() ** 2))).flip(0)
    kept = int(stein_scores(samples, kept_share=kept_share).eigenfunctions)
    assert spectrum[: kept - 1].sum() < kept_share * spectrum.sum() <= spectrum[:kept].sum()


@pytest.mark.parametrize("covariance", [[[1.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.5, -0.7], [-0.7, 1.0]]])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_score_of_a_gaussian_inside_two_standard_deviations(covariance: list[list[float]], seed: int) -> None:
    # The score of N(0, S) at x is -S^-1 x; 500 samples.
    matrix = torch.tensor(covariance, dtype=torch.float64)
    samples = normal(seed, 500, len(matrix)) @ torch.linalg.cholesky(matrix).T
    exact = -torch.linalg.solve(matrix, samples.T).T
    inside = -(samples * exact).sum(dim=1) < 2**2
    estimate, exact = stein_scores(samples, kept_share=0.99).values[inside], exact[inside]
    assert torch.cosine_similarity(estimate.flatten(), exact.flatten(), dim=0) > 0.95
    assert ((estimate * exact).sum() / exact.square().sum()).item() == pytest.approx(1, abs=0.15)


def test_scores_do_not_depend_on_place_and_follow_the_scale() -> None:
    samples = normal(0, 30, 2)
    scores = stein_scores(samples, kept_share=0.99).values
    torch.testing.assert_close(stein_scores(samples + 1000, kept_share=0.99).values, scores, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(stein_scores(4 * samples, kept_share=0.99).values, scores / 4, rtol=1e-6, atol=1e-8)


def test_coincident_samples_have_one_eigenfunction_a_place() -> None:
    places = stein_scores(torch.eye(4, dtype=torch.float64).repeat(5, 1), kept_share=1.0)
    assert places.eigenfunctions == 4
    assert places.values.isfinite().all()
    one_place = stein_scores(torch.full((8, 3), 0.7), kept_share=0.99)
    assert one_place.eigenfunctions == 1
    assert one_place.values.dtype == torch.float32
    torch.testing.assert_close(one_place.values, torch.zeros(8, 3))
