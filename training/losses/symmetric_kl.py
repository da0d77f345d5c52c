"""Kullback-Leibler divergences: symmetric for Gaussians and softmax outputs, and one-sided for softmax outputs."""

from torch import Tensor
from torch.nn import functional

from training.compute.numerics import at_least_float32
from training.models.bottleneck import Gaussian
from training.models.gaussian_kl import symmetric_kl_by_image


def symmetric_kl(first: Gaussian, second: Gaussian) -> Tensor:
    """Return (KL(first || second) + KL(second || first)) / 2 in nats, a scalar.

    Both Gaussians are (batch, dimensions). The value is a mean over the batch and a sum over the dimensions, so that
    the same lambda has more weight in a wider latent. Yu et al. 2023, eq. 16; Federici et al. 2020, arXiv:2002.07017,
    also sum over the dimensions. It is computed in float32 or better.
    """
    return symmetric_kl_by_image(first, second).mean()


def symmetric_kl_of_logits(first: Tensor, second: Tensor) -> Tensor:
    """Return (KL(p || q) + KL(q || p)) / 2 in nats, a scalar, where p and q are the softmax of two logits.

    Both logits are (batch, classes); the value is the batch mean. Yu et al. 2023, Table 14: the term on p(y|x).
    """
    p, q = (functional.log_softmax(at_least_float32(logits), dim=1) for logits in (first, second))
    return 0.5 * ((p.exp() - q.exp()) * (p - q)).sum(dim=1).mean()


def kl_of_logits(first: Tensor, second: Tensor) -> Tensor:
    """Return the batch mean of KL(p || q) in nats, a scalar, for the softmax p and q of two logits (batch, classes).

    It uses only log-probabilities: the gradient stays finite where a probability rounds to 0.
    """
    p, q = (functional.log_softmax(at_least_float32(logits), dim=1) for logits in (first, second))
    return (p.exp() * (p - q)).sum(dim=1).mean()
