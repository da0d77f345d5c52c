import pytest
import torch
from torch import Tensor

from training.losses.information import Hsic, InformationEstimator
from training.losses.information.hsic import hsic
from training.registry import ESTIMATORS


def build(name: str, seed: int = 0) -> InformationEstimator:
    options = {
        "hsic_neighbours": 2,
        "hsic_normalisation": "biased",
        "hsic_width": "nearest",
        "hsic_width_gradient": "detached",
    }
    generator = torch.Generator().manual_seed(seed)
    built: InformationEstimator = ESTIMATORS[name].build(options, dimensions=3, generator=generator)
    return built


def views() -> tuple[Tensor, Tensor]:
    first, noise = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(0))
    return first, first + 0.3 * noise


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_every_estimator_gives_both_views_a_gradient(name: str) -> None:
    estimator, (first, second) = build(name), views()
    estimator.update(first, second)
    value = estimator(first.requires_grad_(), second.requires_grad_())
    gradients = torch.autograd.grad(value, [first, second])
    assert value.shape == ()
    assert all(gradient.isfinite().all() and gradient.abs().sum() > 0 for gradient in gradients)
    assert all(scalar.shape == () and not scalar.requires_grad for scalar in estimator.diagnostics().values())


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_coincident_samples_give_finite_values_and_gradients(name: str) -> None:
    some_equal, all_equal = views()[0][:6].repeat(2, 1), torch.full((12, 3), 0.7)
    for first, second in [(some_equal, all_equal), (all_equal, some_equal), (some_equal, some_equal)]:
        estimator, samples = build(name), first.clone().requires_grad_()
        estimator.update(samples, second)
        value = estimator(samples, second)
        (gradient,) = torch.autograd.grad(value, samples)
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_half_precision_views_are_widened_inside_autocast(name: str) -> None:
    first, second = (view.bfloat16() for view in views())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = build(name)(first.float(), second.float())
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = build(name)(first, second)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)


def test_hsic_is_the_objectives_own_with_its_options() -> None:
    assert torch.equal(build("hsic")(*views()), hsic(*views(), neighbours=2))
    estimator = Hsic(hsic_neighbours=3, hsic_normalisation="cka", hsic_width="first_columns")
    expected = hsic(*views(), neighbours=3, normalisation="cka", width="first_columns")
    assert torch.equal(estimator(*views()), expected)
