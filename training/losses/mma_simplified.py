"""The two-term form of MMA in Yu et al. 2023, Table 1. It is not the max-margin method itself.

`training/losses/mma.py` is the method itself, which attacks every image with its own margin as the radius.
"""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective
from training.registry import OBJECTIVES


@OBJECTIVES.register("mma_simplified")
class MmaSimplified(Objective):
    """The batch mean of CE(adversarial) if the clean image is classified correctly, and of CE(clean) if not."""

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return both parts, each a sum over its own samples divided by the size of the whole batch."""
        labels = batch.labels
        clean, attacked = forward_pass(batch.images, attack(batch.images, cross_entropy_of(labels)))
        correct = clean.logits.detach().argmax(dim=1) == labels
        natural = functional.cross_entropy(clean.logits, labels, reduction="none")
        robust = functional.cross_entropy(attacked.logits, labels, reduction="none")
        return {
            "natural_cross_entropy": natural.where(~correct, 0).mean(),
            "adversarial_cross_entropy": robust.where(correct, 0).mean(),
        }

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1 for both, whatever the progress."""
        del progress
        return {"natural_cross_entropy": 1.0, "adversarial_cross_entropy": 1.0}
