"""TRADES: Zhang et al. 2019, "Theoretically principled trade-off", eq. 5, arXiv:1901.08573."""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, divergence_from
from training.config.fields import positive, sourced
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective
from training.losses.symmetric_kl import kl_of_logits
from training.registry import OBJECTIVES


@OBJECTIVES.register("trades", lam=sourced(positive(4.0), "that of shared_information, to compare"))
class Trades(Objective):
    """CE(clean) + lambda*KL(p(y|x) || p(y|x')), batch means, where lambda is the beta of the official code.

    As in the official code, the gradient flows through both sides of the divergence. In the official code the clean
    images pass through batch norm twice in a step; here once.
    """

    def __init__(self, *, lam: float) -> None:
        self._lam = lam

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the cross-entropy and the divergence; the attack maximises the divergence from the clean softmax."""
        adversarial = attack(batch.images, divergence_from(attack.logits(batch.images)))
        clean, attacked = forward_pass(batch.images, adversarial)
        return {
            "natural_cross_entropy": functional.cross_entropy(clean.logits, batch.labels),
            "divergence": kl_of_logits(clean.logits, attacked.logits),
        }

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1 and lambda, which are the same from the first step on."""
        del progress
        return {"natural_cross_entropy": 1.0, "divergence": self._lam}

    def scheduled(self, progress: float) -> dict[str, float]:
        """Return lambda."""
        del progress
        return {"lambda": self._lam}
