"""Standard adversarial training with PGD, the baseline "Standard": Madry et al. 2018, arXiv:1706.06083."""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective


class Standard(Objective):
    """CE(adversarial); Yu et al. 2023, Table 1. Clean images are not used."""

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the only term."""
        (attacked,) = forward_pass(attack(batch.images, cross_entropy_of(batch.labels)))
        return {"adversarial_cross_entropy": functional.cross_entropy(attacked.logits, batch.labels)}

    def weights(self, lam: float) -> dict[str, float]:
        """Return 1; lambda has no effect."""
        del lam
        return {"adversarial_cross_entropy": 1.0}
