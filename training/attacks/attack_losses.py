"""The losses that attacks maximise: functions of the logits of adversarial images, (batch, classes).

They are sums over the batch, not means: the sign of the gradient does not depend on the batch size, and small
gradients do not underflow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class AttackLoss:
    """The loss `function(logits, target)` with its `target` as a field, so that a recording can exchange the target."""

    function: Callable[[Tensor, Tensor], Tensor]
    target: Tensor

    def __call__(self, logits: Tensor) -> Tensor:
        return self.function(logits, self.target)


def cross_entropy_of(labels: Tensor) -> AttackLoss:
    """Return the loss that is the cross-entropy with `labels`, (batch,)."""
    return AttackLoss(_cross_entropy, labels)


def divergence_from(clean: Tensor) -> AttackLoss:
    """Return the loss KL(p(y|x) || p(y|x')): x are the images with logits `clean` (batch, classes), x' the adversarial.

    The attack of TRADES maximises it: Zhang et al. 2019, eq. 5, arXiv:1901.08573.
    """
    return AttackLoss(_divergence, functional.log_softmax(clean, dim=1))


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="sum")


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    return logit_margin(logits, labels).sum()


def _divergence(logits: Tensor, clean: Tensor) -> Tensor:
    return functional.kl_div(functional.log_softmax(logits, dim=1), clean, reduction="sum", log_target=True)


def margin_of(labels: Tensor) -> AttackLoss:
    """Return the loss that is the sum of `logit_margin`; Carlini and Wagner 2017, f6, arXiv:1608.04644."""
    return AttackLoss(_margin, labels)


def logits_ratio_of(labels: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the loss that is the sum of the difference of logits ratio (DLR), which ignores the logits' scale.

    Croce and Hein 2020, eq. 6, arXiv:2003.01690: margin / (largest - third largest logit). It needs three classes.
    """

    def ratio(logits: Tensor) -> Tensor:
        ordered = logits.sort(dim=1, descending=True).values
        return (logit_margin(logits, labels) / (ordered[:, 0] - ordered[:, 2] + 1e-12)).sum()

    return ratio


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the largest wrong logit minus the true logit, (batch,): above 0 where the classifier is wrong."""
    true = logits.gather(1, labels[:, None]).squeeze(1)
    # The mask is -inf, not 0: a zero would be the largest wherever all logits are negative.
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.amax(dim=1) - true


def soft_logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return log(sum over wrong classes of exp(logit)) - logit of the true class, (batch,).

    It is at least `logit_margin`, so an image whose value is below 0 is classified correctly. Ding et al. 2020,
    arXiv:1812.02637. `logits` is (batch, classes), `labels` is (batch,).
    """
    true = logits.gather(1, labels[:, None]).squeeze(1)
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.logsumexp(dim=1) - true
