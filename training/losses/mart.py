"""MART, misclassification-aware adversarial training: Wang et al. 2020, eq. 9, ICLR; `YisenWang/MART`."""

from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.config.fields import positive, sourced
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective
from training.registry import OBJECTIVES

# From the official code. They keep the logarithms finite; with the last one a sample that is classified with
# certainty still has a small weight.
TINY, ABOVE_ONE, JUST_ABOVE_ONE = 1e-12, 1.0001, 1.0000001


@OBJECTIVES.register("mart", lam=sourced(positive(4.0), "that of shared_information, to compare"))
class Mart(Objective):
    """BCE(adversarial) + lambda*KL(p(y|x) || p(y|x'))*(1 - p_y(x)), where lambda is the beta of the official code.

    BCE is the boosted cross-entropy.
    """

    def __init__(self, *, lam: float) -> None:
        self._lam = lam

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the boosted cross-entropy and the weighted divergence; the attack maximises the cross-entropy."""
        labels = batch.labels
        clean, attacked = forward_pass(batch.images, attack(batch.images, cross_entropy_of(labels)))
        return {
            "boosted_cross_entropy": boosted_cross_entropy(attacked.logits, labels),
            "weighted_divergence": weighted_divergence(clean.logits, attacked.logits, labels),
        }

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1 and lambda, which are the same from the first step on."""
        del progress
        return {"boosted_cross_entropy": 1.0, "weighted_divergence": self._lam}

    def scheduled(self, progress: float) -> dict[str, float]:
        """Return lambda."""
        del progress
        return {"lambda": self._lam}


def boosted_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the batch mean of -log p_y - log(1 - p of the most likely wrong class); eq. 6.

    `logits` is (batch, classes), `labels` (batch,).
    """
    probabilities = logits.softmax(dim=1)
    wrong = probabilities.detach().scatter(1, labels[:, None], -1).argmax(dim=1)
    margin = functional.nll_loss((ABOVE_ONE - probabilities + TINY).log(), wrong)
    return functional.cross_entropy(logits, labels) + margin


def weighted_divergence(clean: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
    """Return the batch mean of KL(p || p') * (1 - p_y), for logits (batch, classes); eq. 8.

    The gradient also flows through the factor 1 - p_y.
    """
    log_p = functional.log_softmax(clean, dim=1)
    p = log_p.exp()
    divergence = (p * (log_p - (attacked.softmax(dim=1) + TINY).log())).sum(dim=1)
    true = p.gather(1, labels[:, None]).squeeze(1)
    return (divergence * (JUST_ABOVE_ONE - true)).mean()
