"""Search with a training method of your own: logit pairing (Kannan et al. 2018), whose knob `pairing` is searched.

The name is registered when the space imports this file (`imports: [own_objective]`). Run, in the folder `examples`:
    tuner run --space own_objective.yaml
"""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.config.fields import not_negative, share
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective
from training.registry import OBJECTIVES


@OBJECTIVES.register("logit_pairing", alpha=share(0.5), pairing=not_negative(1.0))
class LogitPairing(Objective):
    """(1 - alpha) CE(clean) + alpha CE(adversarial) + pairing * mean squared difference of their logits."""

    def __init__(self, *, alpha: float, pairing: float) -> None:
        self._weights = {
            "natural_cross_entropy": 1 - alpha,
            "adversarial_cross_entropy": alpha,
            "logit_difference": pairing,
        }

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the three terms before weighting, each a scalar."""
        adversarial = attack(batch.images, cross_entropy_of(batch.labels))
        clean, attacked = forward_pass(batch.images, adversarial)
        return {
            "natural_cross_entropy": functional.cross_entropy(clean.logits, batch.labels),
            "adversarial_cross_entropy": functional.cross_entropy(attacked.logits, batch.labels),
            "logit_difference": functional.mse_loss(attacked.logits, clean.logits),
        }

    def weights(self, progress: float) -> dict[str, float]:
        """Return the weights of the terms, which are the same from the first step on."""
        del progress
        return self._weights
