"""AutoAttack and its members at their official settings; Croce and Hein 2020, arXiv:2003.01690.

The attacks are those of `pyautoattack`. The numbers of steps are passed explicitly: other libraries have other
defaults (10 steps in torchattacks 3.3-3.5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import (
    Adversary,
    AttackError,
    LinfBall,
    count_classes,
    require_epsilon,
    require_positive,
)
from training.attacks.facts import AttackFacts
from training.attacks.pgd import frozen
from training.attacks.pyautoattack_adapter import run_pyautoattack, silent_logger
from training.config.fields import whole
from training.registry import ATTACKS

STEPS, QUERIES, TARGETS, EOT_DRAWS = 100, 5000, 9, 20
_APGD_LOSSES = {"ce": 2, "dlr": 3, "targeted": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Apgd(LinfBall):
    """Auto-PGD with the loss `ce`, `dlr` or `targeted` (targeted DLR against the `targets` most likely wrong classes).

    The result is the clean image where the attack fails. With `draws` > 1 each gradient is the mean over so many
    draws of a randomised model (expectation over transformation).
    """

    family = "apgd"
    epsilon: float
    loss: str = "ce"
    steps: int = STEPS
    restarts: int = 1
    targets: int = TARGETS
    draws: int = 1

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon)
        if self.loss not in _APGD_LOSSES:
            raise AttackError(f"APGD's loss is {self.loss!r}, but must be one of {', '.join(_APGD_LOSSES)}.", "loss")
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
        least = _APGD_LOSSES[self.loss]
        if classes < least:
            raise AttackError(f"{self.name} needs {least} classes, but the model has {classes}; use APGD-CE.", "loss")

        def build(predict: Callable[[Tensor], Tensor], device: torch.device) -> Any:
            from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

            shared = {"n_iter": self.steps, "n_restarts": self.restarts, "eps": self.epsilon, "norm": "Linf"}
            shared |= {"eot_iter": self.draws, "rho": 0.75, "seed": seed, "device": device, "logger": silent_logger()}
            if self.loss == "targeted":
                return APGDAttack_targeted(predict, n_target_classes=min(self.targets, classes - 1), **shared)
            return APGDAttack(predict, loss=self.loss, **shared)

        return run_pyautoattack(build, model, images, labels)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fab(LinfBall):
    """Fast adaptive boundary attack; Croce and Hein 2020, arXiv:1907.02044.

    It searches for the nearest adversarial image. If that lies outside the ball, the result is the clean image.
    `targets` = 0 selects the untargeted attack.
    """

    family = "fab"
    epsilon: float
    steps: int = STEPS
    restarts: int = 1
    targets: int = TARGETS

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon)
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
                norm="Linf",
                n_restarts=self.restarts,
                n_iter=self.steps,
                eps=self.epsilon,
                seed=seed,
                targeted=self.targets > 0,
                n_target_classes=max(targets, 1),
                device=device,
            )

        return run_pyautoattack(build, model, images, labels)


@ATTACKS.register("square", facts=AttackFacts(cost="queries f"), queries=whole(QUERIES, 1))
@dataclass(frozen=True, kw_only=True, slots=True)
class Square(LinfBall):
    """The Square attack, a black-box attack; Andriushchenko et al. 2020, arXiv:1912.00049.

    For each image it queries the logits of at most `queries` + 1 perturbed images, and those of the image itself.
    """

    family = "square"
    epsilon: float
    queries: int = QUERIES

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon)
        require_positive("Square", queries=self.queries)

    @property
    def name(self) -> str:
        """Return the name for tables, with the queries unless they are the official 5,000."""
        return "Square" if self.queries == QUERIES else f"Square ({self.queries} queries)"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images, and the clean image where the attack fails; see `Adversary`."""

        def build(predict: Callable[[Tensor], Tensor], device: torch.device) -> Any:
            from pyautoattack.square import SquareAttack

            return SquareAttack(
                predict,
                norm="Linf",
                n_queries=self.queries,
                eps=self.epsilon,
                p_init=0.8,
                n_restarts=1,
                seed=seed,
                device=device,
                resc_schedule=False,
            )

        count_classes(model, images)
        return run_pyautoattack(build, model, images, labels)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cascade(LinfBall):
    """Attacks that run in turn, each on the images that are still classified correctly.

    An evaluation runs the members itself, so that it knows what each of them adds.
    """

    family = "cascade"
    title: str
    members: tuple[Adversary, ...]

    def __post_init__(self) -> None:
        if not self.members or len({(member.norm, member.epsilon) for member in self.members}) > 1:
            found = ", ".join(f"{member.name} ({member.norm}, {member.epsilon:g})" for member in self.members) or "none"
            raise AttackError(
                f"The members of {self.title} are {found}, but there must be at least one,"
                " and all must have the same norm and epsilon.",
                "members",
            )

    @property
    def name(self) -> str:
        """Return the name for tables."""
        return self.title

    @property
    def epsilon(self) -> float:
        """Return the radius of the members."""
        return self.members[0].epsilon

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images, and the clean image where no member succeeds; see `Adversary`."""
        adversarial = images.clone()
        remaining = _correct_indices(model, images, labels)
        for member in self.members:
            if len(remaining) == 0:
                break
            found = member(model, images[remaining], labels[remaining], seed=seed)
            wrong = torch.ones_like(labels[remaining], dtype=torch.bool)
            wrong[_correct_indices(model, found, labels[remaining])] = False
            adversarial[remaining[wrong]] = found[wrong]
            remaining = remaining[~wrong]
        return adversarial


@ATTACKS.register("apgd_ce", facts=AttackFacts(cost="restarts * steps g"), steps=whole(STEPS, 1), restarts=whole(1, 1))
def _apgd_ce(*, epsilon: float, steps: int, restarts: int) -> Apgd:
    return Apgd(epsilon=epsilon, steps=steps, restarts=restarts)


@ATTACKS.register(
    "apgd_dlr",
    facts=AttackFacts(cost="restarts * steps g", least_classes=_APGD_LOSSES["dlr"]),
    steps=whole(STEPS, 1),
    restarts=whole(1, 1),
)
def _apgd_dlr(*, epsilon: float, steps: int, restarts: int) -> Apgd:
    return Apgd(epsilon=epsilon, loss="dlr", steps=steps, restarts=restarts)


@ATTACKS.register(
    "apgd_t",
    facts=AttackFacts(cost="targets * restarts * steps g", least_classes=_APGD_LOSSES["targeted"]),
    steps=whole(STEPS, 1),
    restarts=whole(1, 1),
    targets=whole(TARGETS, 1),
)
def _apgd_t(*, epsilon: float, classes: int, steps: int, restarts: int, targets: int) -> Apgd:
    most = min(targets, classes - 1)
    return Apgd(epsilon=epsilon, loss="targeted", steps=steps, restarts=restarts, targets=most)


@ATTACKS.register(
    "fab_t",
    facts=AttackFacts(cost="targets * restarts * steps g"),
    steps=whole(STEPS, 1),
    restarts=whole(1, 1),
    targets=whole(TARGETS, 1),
)
def _fab_t(*, epsilon: float, classes: int, steps: int, restarts: int, targets: int) -> Fab:
    return Fab(epsilon=epsilon, steps=steps, restarts=restarts, targets=min(targets, classes - 1))


@ATTACKS.register(
    "autoattack",
    facts=AttackFacts(
        cost="at most 100 + 900 + 900 g and 5,000 f: a member attacks what the others left",
        beside_mean_path="autoattack_rand",
    ),
)
def auto_attack(epsilon: float, *, version: str = "standard", classes: int = 10) -> Cascade:
    """Build AutoAttack `standard`, or `rand` for randomised models, at the official settings.

    `standard` consists of APGD-CE, APGD-T and FAB-T with 100 steps (9 targets, or `classes` - 1 if that is less),
    and Square with 5,000 queries. `rand` consists of APGD-CE and APGD-DLR with 20 draws a step. The DLR loss needs
    three classes, its targeted form four. A member that needs more classes is left out, and the title says so.
    """
    if version == "rand":
        wanted: list[Adversary] = [Apgd(epsilon=epsilon, loss=loss, draws=EOT_DRAWS) for loss in ("ce", "dlr")]
        title = "AutoAttack rand"
    elif version == "standard":
        targets = min(TARGETS, classes - 1)
        apgd = [Apgd(epsilon=epsilon), Apgd(epsilon=epsilon, loss="targeted", targets=targets)]
        wanted = [*apgd, Fab(epsilon=epsilon, targets=targets), Square(epsilon=epsilon)]
        title = "AutoAttack"
    else:
        raise AttackError(f"The version of AutoAttack is {version!r}, but must be standard or rand.", "version")
    members = [a for a in wanted if not isinstance(a, Apgd) or _APGD_LOSSES[a.loss] <= classes]
    missing = [attack.name for attack in wanted if attack not in members]
    return Cascade(title=title + "".join(f" without {name}" for name in missing), members=tuple(members))


@ATTACKS.register("autoattack_rand", facts=AttackFacts(cost="at most 2 * 100 * 20 g", in_expectation=True))
def _auto_attack_rand(*, epsilon: float, classes: int) -> Cascade:
    return auto_attack(epsilon, version="rand", classes=classes)


def _correct_indices(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the indices of the correctly classified images."""
    with frozen(model), torch.no_grad():
        return torch.nonzero(model(images).argmax(dim=1) == labels).flatten()
