"""What all objectives have in common: an attack that training defends against, terms, and their weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from torch import Tensor

from training.attacks import cross_entropy_loss
from training.losses.view import Look

Classify = Callable[[Tensor], Tensor]


class Objective(ABC):
    """A loss made of named terms. `ramped`: whether lambda rises during training, or is what it is at once."""

    ramped = False

    def attack_loss(self, classify: Classify, images: Tensor, labels: Tensor) -> Callable[[Tensor], Tensor]:
        """Give what the inner attack maximises, a function of adversarial images; here their cross-entropy.

        `classify` maps images (batch, channels, height, width) to logits (batch, classes); `labels` (batch,).
        """
        del images
        return cross_entropy_loss(classify, labels)

    @abstractmethod
    def terms(self, look: Look, images: Tensor, adversarial: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give each term before weighting, a scalar, in the order of the computation."""

    @abstractmethod
    def weights(self, lam: float) -> dict[str, float]:
        """Give the weight of each term, at the present lambda."""


def weighted_total(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Give the loss: the sum of the terms times their weights, in the terms' order."""
    first, *rest = (weights[name] * term for name, term in terms.items())
    for summand in rest:
        first = first + summand
    return first
