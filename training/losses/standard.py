"""Adversarial training by PGD alone, the baseline "Standard": Madry et al. 2018, arXiv:1706.06083."""

from torch import Tensor
from torch.nn import functional

from training.losses.objective import Objective
from training.losses.view import Look


class Standard(Objective):
    """CE(adversarial); Yu et al. 2023, Table 1. Clean images are not looked at."""

    def terms(self, look: Look, images: Tensor, adversarial: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give the one term."""
        del images
        (attacked,) = look(adversarial)
        return {"adversarial_cross_entropy": functional.cross_entropy(attacked.logits, labels)}

    def weights(self, lam: float) -> dict[str, float]:
        """Give 1; lambda has no effect."""
        del lam
        return {"adversarial_cross_entropy": 1.0}
