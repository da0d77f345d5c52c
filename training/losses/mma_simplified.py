"""The two-term form in which Yu et al. 2023, Table 1, write MMA; not the max-margin method itself.

That is `training/losses/mma.py`, which attacks every image by its own margin.
"""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective


class MmaSimplified(Objective):
    """CE(adversarial) where the clean image is classified correctly, CE(clean) where it is not; batch mean."""

    def terms(self, batch: Batch, attack: TrainingAttack, look: ForwardPass) -> dict[str, Tensor]:
        """Return both parts, each the sum over its own samples divided by the whole batch."""
        labels = batch.labels
        clean, attacked = look(batch.images, attack(batch.images, cross_entropy_of(labels)))
        correct = clean.logits.detach().argmax(dim=1) == labels
        natural = functional.cross_entropy(clean.logits, labels, reduction="none")
        robust = functional.cross_entropy(attacked.logits, labels, reduction="none")
        return {
            "natural_cross_entropy": natural.where(~correct, 0).mean(),
            "adversarial_cross_entropy": robust.where(correct, 0).mean(),
        }

    def weights(self, lam: float) -> dict[str, float]:
        """Return 1 for both; lambda has no effect."""
        del lam
        return {"natural_cross_entropy": 1.0, "adversarial_cross_entropy": 1.0}
