import pytest
import torch
from torch import nn
from torch.nn import functional

from training.models import Classifier, Gaussian, GaussianBottleneck, NoBottleneck


def make_classifier() -> Classifier:
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU())
    bottleneck = GaussianBottleneck(6, 3, sigma_bias=-1.0, sigma_floor=0.01)
    return Classifier(backbone, bottleneck, nn.Linear(3, 5))


def test_mean_and_sigma_are_the_halves_of_one_linear_layer() -> None:
    bottleneck = GaussianBottleneck(6, 3, sigma_bias=-1.0, sigma_floor=0.01)
    features = torch.randn(4, 6)
    latent = bottleneck(features)
    raw = bottleneck.linear(features)
    assert torch.equal(latent.mu, raw[:, :3])
    assert torch.equal(latent.sigma, functional.softplus(raw[:, 3:] - 1.0) + 0.01)


def test_sigma_never_falls_below_its_floor() -> None:
    bottleneck = GaussianBottleneck(6, 3, sigma_bias=-1e4, sigma_floor=0.01)
    assert bottleneck(torch.randn(4, 6)).sigma.min().item() == pytest.approx(0.01)


@pytest.mark.parametrize("training", [True, False])
def test_forward_is_the_head_on_the_latent_mean_in_every_mode(training: bool) -> None:
    model, images = make_classifier().train(training), torch.rand(7, 1, 4, 4)
    expected = model.head(model.encode(images).mu)
    assert torch.equal(model(images), expected)
    assert torch.equal(model(images), model(images))
    assert model(images).shape == (7, 5)


def test_samples_follow_the_gaussian_and_the_generator() -> None:
    latent = Gaussian(torch.tensor([[1.0, -2.0]]).expand(20_000, 2), torch.tensor([[0.5, 2.0]]).expand(20_000, 2))
    z = latent.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(dim=0), torch.tensor([1.0, -2.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std(dim=0), torch.tensor([0.5, 2.0]), atol=0.05, rtol=0)
    assert torch.equal(z, latent.sample(torch.Generator().manual_seed(0)))


def test_a_sample_is_differentiable_in_mean_and_sigma() -> None:
    mu, sigma = torch.zeros(3, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    z = Gaussian(mu, sigma).sample(torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad(z.sum(), [mu, sigma])
    assert torch.equal(gradients[0], torch.ones(3, 2))
    # dz/dsigma is the noise, and with mu 0 and sigma 1 that is z.
    assert torch.equal(gradients[1], z)


@pytest.mark.parametrize("bottleneck", [GaussianBottleneck(6, 3, sigma_bias=0.1, sigma_floor=1e-3), NoBottleneck()])
def test_the_logits_of_the_mean_alone_are_those_of_the_model(bottleneck: GaussianBottleneck | NoBottleneck) -> None:
    width = 3 if isinstance(bottleneck, GaussianBottleneck) else 6
    model = Classifier(nn.Flatten(), bottleneck, nn.Linear(width, 4))
    images = torch.rand(5, 1, 2, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.mean_logits(images), model(images))
