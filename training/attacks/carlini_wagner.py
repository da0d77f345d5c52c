"""The C&W attack: the smallest l2 perturbation that Adam finds; Carlini and Wagner 2017, arXiv:1608.04644."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, require_positive
from training.attacks.attack_losses import logit_margin
from training.attacks.facts import AttackFacts
from training.attacks.pgd import frozen
from training.config.fields import not_negative, positive, whole
from training.norms import L2
from training.registry import ATTACKS

_FACTS = AttackFacts(norm=L2, bounded=False, cost="searches * steps g")


def _knobs(steps: int, searches: int) -> dict[str, Any]:
    return {
        "c": positive(1.0),
        "kappa": not_negative(0.0),
        "steps": whole(steps, 1),
        "searches": whole(searches, 1),
    }


@ATTACKS.register("cw", facts=_FACTS, **_knobs(20, searches=1))  # Table 2 of the paper
@ATTACKS.register("cw_strong", facts=_FACTS, **_knobs(100, searches=6))
@dataclass(frozen=True, kw_only=True, slots=True)
class CarliniWagner:
    """Minimise |x'-x|^2 + c * max(true logit - largest wrong logit, -kappa) for each image on its own.

    With `searches` = 1 the factor c is fixed, as in Yu et al. 2023, Table 2 (c 1, kappa 0, 20 steps, rate 0.01).
    With more searches an image's c grows tenfold as long as the attack fails, and is then found by bisection. The
    result is the nearest misclassified iterate, or the clean image if there is none. The attack does not bound the
    distance and has no epsilon, so report the mean distance beside the accuracy.

    A projection keeps x' in [0, 1], not x' = (tanh(w) + 1) / 2: with tanh, pixels of exactly 0 or 1 (most of
    MNIST) cannot move. Adam's learning rate is `rate` / 2 in units of x', which equals `rate` in units of w at
    mid-grey.
    """

    family = "cw"
    norm, epsilon = L2, math.inf
    whole_batch = False
    c: float = 1.0
    kappa: float = 0.0
    steps: int = 20
    rate: float = 0.01
    searches: int = 1

    def __post_init__(self) -> None:
        require_positive("C&W", c=self.c, rate=self.rate, steps=self.steps, searches=self.searches)
        if self.kappa < 0:
            raise AttackError(f"C&W has the kappa {self.kappa:g}, but must have at least 0.", "kappa")

    @property
    def name(self) -> str:
        """Return the name for tables, with the parameters that decide its strength: it has no epsilon."""
        c = f"c={self.c:g}" if self.searches == 1 else f"{self.searches} searches"
        return f"C&W ({c}, {self.steps} steps)"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        """Return adversarial images; see `Adversary`. The attack is deterministic."""
        best, nearest = images.clone(), torch.full(labels.shape, torch.inf, device=images.device)
        c = torch.full_like(nearest, self.c)
        low, high = torch.zeros_like(c), torch.full_like(c, torch.inf)
        with frozen(model), torch.enable_grad():
            for _ in range(self.searches):
                found, distance = self._descend(model, images, labels, c)
                closer = distance < nearest
                best = torch.where(closer[:, None, None, None], found, best)
                nearest = torch.where(closer, distance, nearest)
                worked = distance.isfinite()
                low, high = torch.where(worked, low, c), torch.where(worked, c, high)
                c = torch.where(high.isinf(), 10 * c, (low + high) / 2)
        return best

    def _descend(self, model: nn.Module, images: Tensor, labels: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nearest misclassified iterate and its squared distance, (batch,); infinity if there is none."""
        moved = images.clone().requires_grad_()
        adam = torch.optim.Adam([moved], lr=self.rate / 2)
        best, nearest = images, torch.full_like(c, torch.inf)
        for step in range(self.steps + 1):
            distance = (moved - images).square().flatten(1).sum(dim=1)
            margin = logit_margin(model(moved), labels)
            closer = (margin > 0) & (distance < nearest)
            best = torch.where(closer[:, None, None, None], moved.detach(), best)
            nearest = torch.where(closer, distance.detach(), nearest)
            if step == self.steps:
                break
            cost = (distance + c * (-margin).clamp_min(-self.kappa)).sum()
            (moved.grad,) = torch.autograd.grad(cost, moved)
            adam.step()
            with torch.no_grad():
                moved.clamp_(0, 1)
        return best, nearest
