"""The training objective of "Improving adversarial robustness by learning shared information"."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from training.losses.hsic import hsic
from training.losses.symmetric_kl import symmetric_kl
from training.models.bottleneck import Gaussian


class View(NamedTuple):
    """One side of the objective, the clean or the adversarial images, as the model sees them.

    `latent` is p(z|x), `sample` a draw z from it, (batch, dimensions), `logits` those of z, (batch, classes).
    """

    latent: Gaussian
    sample: Tensor
    logits: Tensor


class LossTerms(NamedTuple):
    """The objective and its four terms before weighting, scalars. The order is that of the computation."""

    natural_cross_entropy: Tensor
    adversarial_cross_entropy: Tensor
    symmetric_kl: Tensor
    hsic: Tensor
    total: Tensor


def shared_information(
    natural: View,
    adversarial: View,
    labels: Tensor,
    *,
    alpha: float,
    lam: float,
    beta: float,
    neighbours: int,
) -> LossTerms:
    """Give alpha*CE(adversarial) + (1-alpha)*CE(natural) + lam*SKL - beta*HSIC; Yu et al. 2023, eq. 16.

    `labels` is (batch,). The information I(z; z') is subtracted: it keeps the encoder from making the
    symmetric KL divergence small by mapping every image to one point.
    """
    natural_ce = functional.cross_entropy(natural.logits, labels)
    adversarial_ce = functional.cross_entropy(adversarial.logits, labels)
    divergence = symmetric_kl(natural.latent, adversarial.latent)
    dependence = hsic(natural.sample, adversarial.sample, neighbours=neighbours)
    total = alpha * adversarial_ce + (1 - alpha) * natural_ce + lam * divergence - beta * dependence
    return LossTerms(natural_ce, adversarial_ce, divergence, dependence, total)
