import math

import pytest
import torch
from torch import Tensor
from toys import normal

from training.losses.information import Mige
from training.losses.information.stein import stein_scores


def correlated(rho: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Draw z, z' of two dimensions, 500 samples, with correlation `rho` in each dimension."""
    first, noise = normal(seed, 500, 2), normal(seed + 100, 500, 2)
    return first, rho * first + (1 - rho**2).sqrt() * noise


@pytest.mark.parametrize("rho", [-0.5, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_with_respect_to_the_correlation_of_gaussians(rho: float, seed: int) -> None:
    # I = -0.5 ln(1 - rho^2) a dimension, hence dI/drho = rho / (1 - rho^2).
    parameter = torch.tensor(rho, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(Mige()(*correlated(parameter, seed)), parameter)
    assert gradient.item() == pytest.approx(2 * rho / (1 - rho**2), rel=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_direction_for_gaussians(seed: int) -> None:
    rho = 0.9
    first, second = (view.detach().requires_grad_() for view in correlated(torch.tensor(rho), seed))
    gradients = torch.autograd.grad(Mige()(first, second), [first, second])
    log_ratio = -((first**2 + second**2 - 2 * rho * first * second) / (1 - rho**2) - first**2 - second**2).sum() / 2
    exact = torch.autograd.grad(log_ratio / len(first), [first, second])
    assert torch.cosine_similarity(torch.cat(gradients).flatten(), torch.cat(exact).flatten(), dim=0) > 0.9


def test_gradient_is_the_joint_score_minus_the_views_own() -> None:
    first, second = normal(0, 20, 3).requires_grad_(), normal(1, 20, 3).requires_grad_()
    gradients = torch.autograd.grad(Mige(kept_share=0.9)(first, second), [first, second])
    both = torch.cat([first, second], dim=1)
    own = torch.cat([stein_scores(view, kept_share=0.9).values for view in (first, second)], dim=1)
    expected = (stein_scores(both, kept_share=0.9).values - own) / 20
    torch.testing.assert_close(torch.cat(gradients, dim=1), expected)


def test_the_value_is_near_zero_whatever_the_dependence() -> None:
    values = [Mige()(*correlated(torch.tensor(rho), 0)).item() for rho in (0.0, 0.5, 0.9)]
    assert values == pytest.approx([0, 0, 0], abs=0.15)
    assert -math.log(1 - 0.9**2) > 10 * 0.15


def test_reports_the_dimensions_that_the_scores_cannot_span() -> None:
    estimator = Mige()
    assert estimator.diagnostics() == {}
    estimator(normal(0, 16, 40), normal(1, 16, 40))
    missing = {name: int(value) for name, value in estimator.diagnostics().items()}
    assert missing["rank_deficiency_first"] >= 24
    assert missing["rank_deficiency_second"] >= 24
    assert missing["rank_deficiency_joint"] >= 64
    estimator(*correlated(torch.tensor(0.5), 0))
    assert all(value == 0 for value in estimator.diagnostics().values())


@pytest.mark.parametrize("kept_share", [0.0, -0.5, 1.5])
def test_a_share_outside_its_range_is_refused(kept_share: float) -> None:
    with pytest.raises(ValueError, match="kept_share"):
        Mige(kept_share=kept_share)
