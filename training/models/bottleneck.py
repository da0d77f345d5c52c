"""The stochastic layer: it maps features to a diagonal Gaussian, and a linear head classifies a sample of it.

The baselines have no such layer: their latent is the features themselves, a point.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.compute.parallel import ALONE, Group


class Gaussian(NamedTuple):
    """Diagonal normal distributions, one per sample: `mu` and `sigma` > 0, each (batch, dimensions)."""

    mu: Tensor
    sigma: Tensor

    def sample(self, generator: torch.Generator, group: Group = ALONE) -> Tensor:
        """Draw z = mu + sigma * noise, (batch, dimensions), differentiable in `mu` and `sigma`.

        The rows are those of one process of the `group`.
        """
        return self.mu + self.sigma * group.noise(torch.randn, self.mu, generator)

    def chunk(self, parts: int) -> "list[Gaussian]":
        """Cut the batch into `parts` of one size."""
        return [Gaussian(*pair) for pair in zip(self.mu.chunk(parts), self.sigma.chunk(parts), strict=True)]


class Point(NamedTuple):
    """Latents without noise, one per sample: `mu`, (batch, dimensions)."""

    mu: Tensor

    def sample(self, generator: torch.Generator, group: Group = ALONE) -> Tensor:
        """Return `mu` itself; the generator is not used."""
        del generator, group
        return self.mu

    def chunk(self, parts: int) -> "list[Point]":
        """Cut the batch into `parts` of one size."""
        return [Point(mu) for mu in self.mu.chunk(parts)]


class GaussianBottleneck(nn.Module):
    """Map features to N(mu, diag(sigma^2)); Yu et al. 2023, section 4.1.

    sigma = softplus(s + sigma_bias) + sigma_floor. The paper does not define sigma. The floor bounds the symmetric KL
    divergence, whose gradient grows with sigma^-3.
    """

    def __init__(self, features: int, dimensions: int, *, sigma_bias: float, sigma_floor: float) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * dimensions)
        self.sigma_bias = sigma_bias
        self.sigma_floor = sigma_floor

    def forward(self, features: Tensor) -> Gaussian:
        """Map (batch, features) to a Gaussian of (batch, dimensions)."""
        mu, s = self.linear(features).chunk(2, dim=1)
        return Gaussian(mu, functional.softplus(s + self.sigma_bias) + self.sigma_floor)

    def mean(self, features: Tensor) -> Tensor:
        """Map (batch, features) to mu alone, (batch, dimensions)."""
        dimensions = self.linear.out_features // 2
        return functional.linear(features, self.linear.weight[:dimensions], self.linear.bias[:dimensions])


class NoBottleneck(nn.Module):
    """Uses the features as the latent."""

    def forward(self, features: Tensor) -> Point:
        """Map (batch, features) to a point of the same dimensions."""
        return Point(features)

    def mean(self, features: Tensor) -> Tensor:
        """Return the features."""
        return features


class Logits(nn.Module):
    """The head of a network that ends with logits: it changes nothing."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.in_features = self.out_features = num_classes

    def forward(self, logits: Tensor) -> Tensor:
        """Return the logits (batch, classes)."""
        return logits


class Classifier(nn.Module):
    """A backbone, a bottleneck and a linear head, or none if the backbone ends with logits.

    `forward` is the deterministic classifier that is attacked and evaluated: it returns the logits of the latent mean,
    in train mode and in eval mode. If it sampled the latent in train mode, an attack, which switches the mode, would
    change the model.
    """

    def __init__(
        self, backbone: nn.Module, bottleneck: GaussianBottleneck | NoBottleneck, head: nn.Linear | Logits
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.bottleneck = bottleneck
        self.head = head

    def encode(self, images: Tensor) -> Gaussian | Point:
        """Map images (batch, channels, height, width) in [0, 1] to the latent distribution p(z|x)."""
        latent: Gaussian | Point = self.bottleneck(self.backbone(images))
        return latent

    def classify(self, z: Tensor) -> Tensor:
        """Map latents (batch, dimensions) to logits (batch, classes)."""
        logits: Tensor = self.head(z)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, channels, height, width) in [0, 1] to the logits of the latent mean."""
        return self.classify(self.encode(images).mu)

    def mean_logits(self, images: Tensor) -> Tensor:
        """Return the logits of `forward`, up to rounding, without sigma, which an attack does not need."""
        return self.classify(self.bottleneck.mean(self.backbone(images)))
