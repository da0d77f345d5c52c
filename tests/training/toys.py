"""Tiny classifiers with known robustness, for the tests of attacks and of the evaluation."""

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from torch import Tensor, nn

from training.data import ImageSet
from training.models import Classifier, GaussianBottleneck

SIDE = 3


def seeded(seed: int) -> torch.Generator:
    """Return a new generator with this seed."""
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> Tensor:
    """Draw from N(0, 1) in float64."""
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


class Disturbable(nn.Module):
    """A classifier with everything that an attack could disturb, its batch norm in eval mode by its owner."""

    def __init__(self, side: int) -> None:
        """Draw the weights for images (1, side, side) of four classes."""
        super().__init__()
        convolved = (side - 2) ** 2
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.layers = nn.Sequential(
                nn.Conv2d(1, 4, 3),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Flatten(),
                nn.Linear(4 * convolved, 4),
            )
        self.layers[1].eval()
        self.layers[5].bias.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits, (batch, 4)."""
        logits: Tensor = self.layers(images)
        return logits

    def flags(self) -> tuple[list[bool], list[bool]]:
        """Return the mode of each module, and whether each parameter is trained."""
        modes = [module.training for module in self.modules()]
        return modes, [parameter.requires_grad for parameter in self.parameters()]


def filled(model: nn.Module, seed: int) -> nn.Module:
    """Draw every parameter from N(0, 1), without the global generator."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def linear_net(classes: int, *, side: int = 6, seed: int = 1) -> nn.Module:
    """Return a linear classifier of (1, side, side) images, balanced like `relu_net`."""
    with torch.random.fork_rng():
        linear = nn.Linear(side * side, classes)
    model = filled(nn.Sequential(nn.Flatten(), linear), seed)
    with torch.no_grad():
        linear.bias.sub_(model(interior_images(200, side=side)).mean(dim=0))
    return model


def relu_net(hidden: int = 5, classes: int = 4, *, side: int = SIDE, seed: int = 2) -> nn.Module:
    """Return a classifier with one hidden layer whose mean logits on `interior_images` are 0."""
    with torch.random.fork_rng():
        first, last = nn.Linear(side * side, hidden), nn.Linear(hidden, classes)
    model = filled(nn.Sequential(nn.Flatten(), first, nn.ReLU(), last), seed)
    with torch.no_grad():
        first.bias.sub_(first.weight.sum(dim=1) / 2)
        last.bias.sub_(model(interior_images(200, side=side)).mean(dim=0))
    return model


def interior_images(count: int, *, side: int = SIDE, seed: int = 0) -> Tensor:
    """Draw images in [0.3, 0.7], so that a ball of radius up to 0.3 stays within [0, 1]."""
    return 0.3 + 0.4 * torch.rand(count, 1, side, side, generator=seeded(seed))


def problem(count: int) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a `relu_net`, `interior_images`, and the classes that it finds."""
    model, images = relu_net(), interior_images(count)
    return model, images, model(images).argmax(dim=1)


def linear_margins(model: nn.Module, images: Tensor, labels: Tensor, norm: str = "linf") -> Tensor:
    """Return the distance in `norm` of each image to the boundary of a linear classifier, (batch,).

    It is the minimum over wrong classes k of (logit_y - logit_k) / |w_y - w_k|, with the l1 norm of the weights in
    l-infinity and the l2 norm in l2, exact as long as the ball stays in [0, 1], and 0 for a misclassified image.
    """
    weight = next(iter(model.parameters())).detach().double()
    logits = model(images).detach().double()
    gaps = logits.gather(1, labels[:, None]) - logits
    widths = (weight[labels][:, None, :] - weight[None]).norm(p=1 if norm == "linf" else 2, dim=2)
    own = nn.functional.one_hot(labels, len(weight)).bool()
    return torch.where(own, torch.inf, gaps / widths).amin(dim=1).clamp_min(0)


def exactly_robust(model: nn.Module, image: Tensor, label: int, epsilon: float) -> bool:
    """Return whether a `relu_net` classifies every image in the ball and in [0, 1] correctly, by linear programmes.

    The network is linear in the region of inputs where a given set of hidden units is active. So the smallest margin
    to a wrong class in a region is the solution of a linear programme. All 2^hidden sets are tried.
    """
    first, bias, last, last_bias = (parameter.detach().double().numpy() for parameter in model.parameters())
    centre = image.double().numpy().ravel()
    box = np.stack([np.maximum(centre - epsilon, 0), np.minimum(centre + epsilon, 1)], axis=1)
    for pattern in itertools.product((0.0, 1.0), repeat=len(first)):
        active = np.array(pattern)
        # first x + bias >= 0 where active, <= 0 where not.
        sign = 1 - 2 * active
        upper, limit = sign[:, None] * first, -sign * bias
        if not _reachable(upper, limit, box):
            continue
        weights, constant = (last * active) @ first, (last * active) @ bias + last_bias
        for other in range(len(last)):
            if other != label and _least(weights, constant, label, other, (upper, limit, box)) < 0:
                return False
    return True


def _reachable(upper: NDArray[np.float64], limit: NDArray[np.float64], box: NDArray[np.float64]) -> bool:
    """Return whether each half space alone intersects the box; this cheap check saves most programmes."""
    lowest = np.where(upper > 0, upper * box[:, 0], upper * box[:, 1]).sum(axis=1)
    return bool((lowest <= limit).all())


def _least(
    weights: NDArray[np.float64],
    constant: NDArray[np.float64],
    label: int,
    other: int,
    region: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> float:
    upper, limit, box = region
    solved = linprog(weights[label] - weights[other], A_ub=upper, b_ub=limit, bounds=box, method="highs")
    return float(solved.fun + constant[label] - constant[other]) if solved.success else np.inf


def noisy_classifier(sigma: float, *, side: int = 6, classes: int = 4) -> Classifier:
    """Return a classifier whose latent is the logits of `linear_net` with noise, and whose head is the identity."""
    with torch.random.fork_rng():
        bottleneck = GaussianBottleneck(side * side, classes, sigma_bias=0.0, sigma_floor=1e-3)
        head = nn.Linear(classes, classes)
    inner = linear_net(classes, side=side)
    weight, bias = (parameter.detach() for parameter in inner.parameters())
    with torch.no_grad():
        bottleneck.linear.weight.copy_(torch.cat([weight, torch.zeros_like(weight)]))
        spread = torch.full_like(bias, sigma - 1e-3).expm1().log()
        bottleneck.linear.bias.copy_(torch.cat([bias, spread]))
        head.weight.copy_(torch.eye(classes))
        head.bias.zero_()
    return Classifier(nn.Flatten(), bottleneck, head)


def image_set(model: nn.Module, count: int, *, side: int, wrong: int = 0) -> ImageSet:
    """Draw images with the labels that `model` predicts; the first `wrong` images get another label."""
    pixels = (255 * interior_images(count, side=side)).round().to(torch.uint8)
    with torch.no_grad():
        logits = model(pixels.float() / 255)
    labels = logits.argmax(dim=1)
    labels[:wrong] = (labels[:wrong] + 1) % logits.shape[1]
    return ImageSet(pixels, labels)
