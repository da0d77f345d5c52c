"""Training without an attack, for the surrogate of black-box attacks; Yu et al. 2023, Table 6."""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective, one_kind_of_images
from training.registry import OBJECTIVES


@OBJECTIVES.register("natural", conflicts=one_kind_of_images)
class Natural(Objective):
    """CE(clean). The attack does not run."""

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the only term."""
        del attack
        (clean,) = forward_pass(batch.images)
        return {"natural_cross_entropy": functional.cross_entropy(clean.logits, batch.labels)}

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1, whatever the progress."""
        del progress
        return {"natural_cross_entropy": 1.0}
