"""The divergence between the latents of two images, one value for each pair."""

from torch import Tensor

from training.compute.numerics import at_least_float32
from training.models.bottleneck import Gaussian


def symmetric_kl_by_image(first: Gaussian, second: Gaussian) -> Tensor:
    """Return (KL(first || second) + KL(second || first)) / 2 in nats for each row, (batch,).

    Both Gaussians are (batch, dimensions). The value is a sum over the dimensions, computed in float32 or better.
    """
    mu1, sigma1, mu2, sigma2 = (at_least_float32(t) for t in (*first, *second))
    ratio = sigma1 / sigma2
    # v1/v2 + v2/v1 - 2 as a square: it cannot cancel to a negative value near equality.
    spread = (ratio - ratio.reciprocal()).square()
    shift = (mu1 - mu2).square() * (sigma1.square().reciprocal() + sigma2.square().reciprocal())
    return 0.25 * (spread + shift).sum(dim=1)
