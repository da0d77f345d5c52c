"""TRADES: Zhang et al. 2019, "Theoretically principled trade-off", eq. 5, arXiv:1901.08573."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from training.attacks import divergence_loss
from training.losses.objective import Classify, Objective
from training.losses.symmetric_kl import kl_of_logits
from training.losses.view import Look


class Trades(Objective):
    """CE(clean) + lambda*KL(p(y|x) || p(y|x')), KL averaged over the batch; the official beta is lambda.

    As in the official code the gradient flows through both sides of the divergence. Its clean images pass
    twice through batch norm in a step; here once.
    """

    def attack_loss(self, classify: Classify, images: Tensor, labels: Tensor) -> Callable[[Tensor], Tensor]:
        """Give the divergence from the clean softmax."""
        del labels
        return divergence_loss(classify, images)

    def terms(self, look: Look, images: Tensor, adversarial: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give cross-entropy and divergence."""
        clean, attacked = look(images, adversarial)
        return {
            "natural_cross_entropy": functional.cross_entropy(clean.logits, labels),
            "divergence": kl_of_logits(clean.logits, attacked.logits),
        }

    def weights(self, lam: float) -> dict[str, float]:
        """Give 1 and lambda."""
        return {"natural_cross_entropy": 1.0, "divergence": lam}
