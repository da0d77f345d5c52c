"""The Square attack at the official settings of AutoAttack; Andriushchenko et al. 2020, arXiv:1912.00049."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, EachImage, count_classes, require_epsilon, require_positive
from training.attacks.facts import AttackFacts
from training.attacks.pyautoattack_adapter import NORM_NAMES, QUERIES, STANDARD, run_pyautoattack
from training.config.fields import sourced, whole
from training.norms import L2, LINF
from training.registry import ATTACKS

# In l2 it starts from five tiles a side.
_LEAST_SIDE = 5


@ATTACKS.register(
    "square", facts=AttackFacts(either_norm=True, cost="queries f"), queries=sourced(whole(QUERIES, 1), STANDARD)
)
@dataclass(frozen=True, kw_only=True, slots=True)
class Square(EachImage):
    """A black-box attack.

    For each image it queries the logits of at most `queries` + 1 perturbed images, and those of the image itself.
    """

    family = "square"
    epsilon: float
    norm: str = LINF
    queries: int = QUERIES

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)
        require_positive("Square", queries=self.queries)

    @property
    def name(self) -> str:
        """Return the name for tables, with the queries unless they are the official 5,000."""
        return "Square" if self.queries == QUERIES else f"Square ({self.queries} queries)"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images, and the clean image where the attack fails; see `Adversary`.

        Raise AttackError in l2 for images of less than 5 pixels a side.
        """

        def build(predict: Callable[[Tensor], Tensor], device: torch.device) -> Any:
            from pyautoattack.square import SquareAttack

            return SquareAttack(
                predict,
                norm=NORM_NAMES[self.norm],
                n_queries=self.queries,
                eps=self.epsilon,
                p_init=0.8,
                n_restarts=1,
                seed=seed,
                device=device,
                resc_schedule=False,
            )

        count_classes(model, images)
        side = min(images.shape[2:])
        if self.norm == L2 and side < _LEAST_SIDE:
            rule = f"needs images of at least {_LEAST_SIDE} pixels a side, but they have {side}: leave it out"
            raise AttackError(f"{self.name} in {L2} {rule}.", "side")
        return run_pyautoattack(build, model, images, labels)
