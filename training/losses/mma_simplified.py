"""The two-term form in which Yu et al. 2023, Table 1, write MMA; not the max-margin method itself.

MMA proper (Ding et al. 2020, arXiv:1812.02637) attacks every image by its own margin, found by bisection.
"""

from torch import Tensor
from torch.nn import functional

from training.losses.objective import Objective
from training.losses.view import Look


class MmaSimplified(Objective):
    """CE(adversarial) where the clean image is classified correctly, CE(clean) where it is not; batch mean."""

    def terms(self, look: Look, images: Tensor, adversarial: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give both parts, each the sum over its own samples divided by the whole batch."""
        clean, attacked = look(images, adversarial)
        correct = clean.logits.detach().argmax(dim=1) == labels
        natural = functional.cross_entropy(clean.logits, labels, reduction="none")
        robust = functional.cross_entropy(attacked.logits, labels, reduction="none")
        return {
            "natural_cross_entropy": natural.where(~correct, 0).mean(),
            "adversarial_cross_entropy": robust.where(correct, 0).mean(),
        }

    def weights(self, lam: float) -> dict[str, float]:
        """Give 1 for both; lambda has no effect."""
        del lam
        return {"natural_cross_entropy": 1.0, "adversarial_cross_entropy": 1.0}
