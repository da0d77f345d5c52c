"""Adversarial training by PGD alone, the baseline "Standard": Madry et al. 2018, arXiv:1706.06083."""

from torch import Tensor
from torch.nn import functional

from training.attacks import Attack, cross_entropy_of
from training.losses.objective import Batch, Objective
from training.losses.view import Look


class Standard(Objective):
    """CE(adversarial); Yu et al. 2023, Table 1. Clean images are not looked at."""

    def terms(self, batch: Batch, attack: Attack, look: Look) -> dict[str, Tensor]:
        """Give the one term."""
        (attacked,) = look(attack(batch.images, cross_entropy_of(batch.labels)))
        return {"adversarial_cross_entropy": functional.cross_entropy(attacked.logits, batch.labels)}

    def weights(self, lam: float) -> dict[str, float]:
        """Give 1; lambda has no effect."""
        del lam
        return {"adversarial_cross_entropy": 1.0}
