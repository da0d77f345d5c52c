"""What attacks maximise: functions of the adversarial images' logits (batch, classes).

Sums over the batch, not means: a sign does not depend on the batch size, and small gradients stay in range.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class AttackLoss:
    """A loss of logits whose other input is known by name: who records an attack can put another in its place."""

    of: Callable[[Tensor, Tensor], Tensor]
    target: Tensor

    def __call__(self, logits: Tensor) -> Tensor:
        return self.of(logits, self.target)


def cross_entropy_of(labels: Tensor) -> AttackLoss:
    """Give the cross-entropy with `labels`, (batch,)."""
    return AttackLoss(_cross_entropy, labels)


def divergence_from(clean: Tensor) -> AttackLoss:
    """Give KL(p(y|x) || p(y|x')), x the images with logits `clean` (batch, classes), x' the adversarial ones.

    The attack of TRADES: Zhang et al. 2019, eq. 5, arXiv:1901.08573.
    """
    return AttackLoss(_divergence, functional.log_softmax(clean, dim=1))


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="sum")


def _divergence(logits: Tensor, clean: Tensor) -> Tensor:
    return functional.kl_div(functional.log_softmax(logits, dim=1), clean, reduction="sum", log_target=True)


def margin_of(labels: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the summed logit margin of the best wrong class; Carlini and Wagner 2017, f6, arXiv:1608.04644."""
    return lambda logits: logit_margin(logits, labels).sum()


def ratio_of(labels: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the summed difference of logits ratio (DLR), which no scaling of the logits changes.

    Croce and Hein 2020, eq. 6, arXiv:2003.01690: margin / (largest - third largest logit). Needs three classes.
    """

    def ratio(logits: Tensor) -> Tensor:
        ordered = logits.sort(dim=1, descending=True).values
        return (logit_margin(logits, labels) / (ordered[:, 0] - ordered[:, 2] + 1e-12)).sum()

    return ratio


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Give best wrong logit - true logit, (batch,): above 0 where the classifier is wrong."""
    true = logits.gather(1, labels[:, None]).squeeze(1)
    # Masked with -inf, not with 0: a zero would win wherever all logits are negative.
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.amax(dim=1) - true


def soft_logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Give log(sum over wrong classes of exp(logit)) - logit of the true class, (batch,).

    At least as large as the margin of the best wrong class, so that images below 0 are classified correctly:
    Ding et al. 2020, arXiv:1812.02637. `logits` is (batch, classes), `labels` (batch,).
    """
    true = logits.gather(1, labels[:, None]).squeeze(1)
    wrong = logits.scatter(1, labels[:, None], -torch.inf)
    return wrong.logsumexp(dim=1) - true
