"""FAB at the official settings of AutoAttack; Croce and Hein 2020, arXiv:1907.02044."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, EachImage, count_classes, require_epsilon, require_positive
from training.attacks.facts import AttackFacts
from training.attacks.pyautoattack_adapter import NORM_NAMES, STANDARD, STEPS, TARGETS, run_pyautoattack
from training.config.fields import sourced, whole
from training.norms import LINF
from training.registry import ATTACKS


@dataclass(frozen=True, kw_only=True, slots=True)
class Fab(EachImage):
    """The fast adaptive boundary attack.

    It searches for the nearest adversarial image. If that lies outside the ball, the result is the clean image.
    `targets` = 0 selects the untargeted attack.
    """

    family = "fab"
    epsilon: float
    norm: str = LINF
    steps: int = STEPS
    restarts: int = 1
    targets: int = TARGETS

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)
        require_positive("FAB", steps=self.steps, restarts=self.restarts)
        if self.targets < 0:
            raise AttackError(f"FAB has {self.targets} targets, but must have at least 0.", "targets")

    @property
    def name(self) -> str:
        """Return the name for tables: `FAB-T` if it is targeted, otherwise `FAB`."""
        steps = f" ({self.steps} steps)" if self.steps != STEPS else ""
        return ("FAB-T" if self.targets else "FAB") + steps

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`."""
        targets = min(self.targets, count_classes(model, images) - 1)

        def build(predict: Callable[[Tensor], Tensor], device: torch.device) -> Any:
            from pyautoattack.fab_pt import FABAttack_PT

            return FABAttack_PT(
                predict,
                norm=NORM_NAMES[self.norm],
                n_restarts=self.restarts,
                n_iter=self.steps,
                eps=self.epsilon,
                seed=seed,
                targeted=self.targets > 0,
                n_target_classes=max(targets, 1),
                device=device,
            )

        return run_pyautoattack(build, model, images, labels)


@ATTACKS.register(
    "fab_t",
    facts=AttackFacts(either_norm=True, cost="targets * restarts * steps g"),
    steps=sourced(whole(STEPS, 1), STANDARD),
    restarts=sourced(whole(1, 1), STANDARD),
    targets=sourced(whole(TARGETS, 1), STANDARD),
)
def _fab_t(*, epsilon: float, norm: str, classes: int, steps: int, restarts: int, targets: int) -> Fab:
    return Fab(epsilon=epsilon, norm=norm, steps=steps, restarts=restarts, targets=min(targets, classes - 1))
