"""Standard adversarial training with PGD, the baseline "Standard": Madry et al. 2018, arXiv:1706.06083."""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective, one_kind_of_images
from training.registry import OBJECTIVES


@OBJECTIVES.register("standard", conflicts=one_kind_of_images)
class Standard(Objective):
    """CE(adversarial); Yu et al. 2023, Table 1. Clean images are not used."""

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the only term."""
        (attacked,) = forward_pass(attack(batch.images, cross_entropy_of(batch.labels)))
        return {"adversarial_cross_entropy": functional.cross_entropy(attacked.logits, batch.labels)}

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1, whatever the progress."""
        del progress
        return {"adversarial_cross_entropy": 1.0}
