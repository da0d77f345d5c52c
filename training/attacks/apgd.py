"""Auto-PGD at the official settings of AutoAttack; Croce and Hein 2020, arXiv:2003.01690."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, EachImage, count_classes, require_epsilon, require_positive
from training.attacks.facts import AttackFacts
from training.attacks.pyautoattack_adapter import NORM_NAMES, STANDARD, STEPS, TARGETS, run_pyautoattack, silent_logger
from training.config.fields import sourced, whole
from training.norms import LINF
from training.registry import ATTACKS

# The classes that each loss needs.
LEAST_CLASSES = {"ce": 2, "dlr": 3, "targeted": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Apgd(EachImage):
    """Auto-PGD with the loss `ce`, `dlr` or `targeted` (targeted DLR against the `targets` most likely wrong classes).

    The result is the clean image where the attack fails. With `draws` > 1 each gradient is the mean over so many
    draws of a randomised model (expectation over transformation).
    """

    family = "apgd"
    epsilon: float
    norm: str = LINF
    loss: str = "ce"
    steps: int = STEPS
    restarts: int = 1
    targets: int = TARGETS
    draws: int = 1

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)
        if self.loss not in LEAST_CLASSES:
            raise AttackError(f"APGD's loss is {self.loss!r}, but must be one of {', '.join(LEAST_CLASSES)}.", "loss")
        counts = {"steps": self.steps, "restarts": self.restarts, "targets": self.targets, "draws": self.draws}
        require_positive("APGD", **counts)

    @property
    def name(self) -> str:
        """Return the name for tables, such as `APGD-CE`, with the steps unless they are the official 100."""
        loss = "T" if self.loss == "targeted" else self.loss.upper()
        steps = f" ({self.steps} steps)" if self.steps != STEPS else ""
        return f"APGD-{loss}{steps}" + (f" (EOT {self.draws})" if self.draws > 1 else "")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`. Raise AttackError if the loss needs more classes."""
        classes = count_classes(model, images)
        least = LEAST_CLASSES[self.loss]
        if classes < least:
            raise AttackError(f"{self.name} needs {least} classes, but the model has {classes}; use APGD-CE.", "loss")

        def build(predict: Callable[[Tensor], Tensor], device: torch.device) -> Any:
            from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

            shared = {
                "n_iter": self.steps,
                "n_restarts": self.restarts,
                "eps": self.epsilon,
                "norm": NORM_NAMES[self.norm],
            }
            shared |= {"eot_iter": self.draws, "rho": 0.75, "seed": seed, "device": device, "logger": silent_logger()}
            if self.loss == "targeted":
                return APGDAttack_targeted(predict, n_target_classes=min(self.targets, classes - 1), **shared)
            return APGDAttack(predict, loss=self.loss, **shared)

        return run_pyautoattack(build, model, images, labels)


@ATTACKS.register(
    "apgd_ce",
    facts=AttackFacts(either_norm=True, cost="restarts * steps g"),
    steps=sourced(whole(STEPS, 1), STANDARD),
    restarts=sourced(whole(1, 1), STANDARD),
)
def _apgd_ce(*, epsilon: float, norm: str, steps: int, restarts: int) -> Apgd:
    return Apgd(epsilon=epsilon, norm=norm, steps=steps, restarts=restarts)


@ATTACKS.register(
    "apgd_dlr",
    facts=AttackFacts(either_norm=True, cost="restarts * steps g", least_classes=LEAST_CLASSES["dlr"]),
    steps=sourced(whole(STEPS, 1), STANDARD),
    restarts=sourced(whole(1, 1), STANDARD),
)
def _apgd_dlr(*, epsilon: float, norm: str, steps: int, restarts: int) -> Apgd:
    return Apgd(epsilon=epsilon, norm=norm, loss="dlr", steps=steps, restarts=restarts)


@ATTACKS.register(
    "apgd_t",
    facts=AttackFacts(either_norm=True, cost="targets * restarts * steps g", least_classes=LEAST_CLASSES["targeted"]),
    steps=sourced(whole(STEPS, 1), STANDARD),
    restarts=sourced(whole(1, 1), STANDARD),
    targets=sourced(whole(TARGETS, 1), STANDARD),
)
def _apgd_t(*, epsilon: float, norm: str, classes: int, steps: int, restarts: int, targets: int) -> Apgd:
    most = min(targets, classes - 1)
    return Apgd(epsilon=epsilon, norm=norm, loss="targeted", steps=steps, restarts=restarts, targets=most)
