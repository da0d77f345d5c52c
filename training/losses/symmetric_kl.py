"""The symmetrised Kullback-Leibler divergence between diagonal Gaussians, in closed form."""

from torch import Tensor

from training.losses.precision import at_least_float32
from training.models.bottleneck import Gaussian


def symmetric_kl(first: Gaussian, second: Gaussian) -> Tensor:
    """Give (KL(first || second) + KL(second || first)) / 2 in nats, a scalar.

    Both Gaussians are (batch, dimensions); the value is summed over dimensions, so that lambda does not
    depend on how the batch is cut, and averaged over the batch. Yu et al. 2023, eq. 16; Federici et al. 2020,
    arXiv:2002.07017, sum likewise. Computed in float32 at least.
    """
    mu1, sigma1, mu2, sigma2 = (at_least_float32(t) for t in (*first, *second))
    ratio = sigma1 / sigma2
    # v1/v2 + v2/v1 - 2 as a square: it cannot cancel to a negative value near equality.
    spread = (ratio - ratio.reciprocal()).square()
    shift = (mu1 - mu2).square() * (sigma1.square().reciprocal() + sigma2.square().reciprocal())
    return 0.25 * (spread + shift).sum(dim=1).mean()
