"""AutoAttack, whose members run in turn at their official settings; Croce and Hein 2020, arXiv:2003.01690."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import Adversary, AttackError, EachImage
from training.attacks.apgd import LEAST_CLASSES, Apgd
from training.attacks.fab import Fab
from training.attacks.facts import AttackFacts
from training.attacks.finite_logits import classes_of
from training.attacks.pgd import frozen
from training.attacks.pyautoattack_adapter import EOT_DRAWS, TARGETS
from training.attacks.square import Square
from training.norms import LINF
from training.registry import ATTACKS


@dataclass(frozen=True, kw_only=True, slots=True)
class Cascade(EachImage):
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
    def norm(self) -> str:
        """Return the norm of the members."""
        return self.members[0].norm

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


@ATTACKS.register(
    "autoattack",
    facts=AttackFacts(
        either_norm=True,
        cost="at most 100 + 900 + 900 g and 5,000 f: a member attacks what the others left",
        beside_mean_path="autoattack_rand",
    ),
)
def auto_attack(epsilon: float, *, norm: str = LINF, version: str = "standard", classes: int = 10) -> Cascade:
    """Build AutoAttack `standard`, or `rand` for randomised models, at the official settings, which no norm changes.

    `standard` consists of APGD-CE, APGD-T and FAB-T with 100 steps (9 targets, or `classes` - 1 if that is less),
    and Square with 5,000 queries. `rand` consists of APGD-CE and APGD-DLR with 20 draws a step. The DLR loss needs
    three classes, its targeted form four. A member that needs more classes is left out, and the title says so.
    """
    ball: dict[str, Any] = {"epsilon": epsilon, "norm": norm}
    if version == "rand":
        wanted: list[Adversary] = [Apgd(**ball, loss=loss, draws=EOT_DRAWS) for loss in ("ce", "dlr")]
        title = "AutoAttack rand"
    elif version == "standard":
        targets = min(TARGETS, classes - 1)
        apgd = [Apgd(**ball), Apgd(**ball, loss="targeted", targets=targets)]
        wanted = [*apgd, Fab(**ball, targets=targets), Square(**ball)]
        title = "AutoAttack"
    else:
        raise AttackError(f"The version of AutoAttack is {version!r}, but must be standard or rand.", "version")
    members = [a for a in wanted if not isinstance(a, Apgd) or LEAST_CLASSES[a.loss] <= classes]
    missing = [attack.name for attack in wanted if attack not in members]
    return Cascade(title=title + "".join(f" without {name}" for name in missing), members=tuple(members))


@ATTACKS.register(
    "autoattack_rand", facts=AttackFacts(either_norm=True, cost="at most 2 * 100 * 20 g", in_expectation=True)
)
def _auto_attack_rand(*, epsilon: float, norm: str, classes: int) -> Cascade:
    return auto_attack(epsilon, norm=norm, version="rand", classes=classes)


def _correct_indices(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the indices of the correctly classified images."""
    with frozen(model), torch.no_grad():
        return torch.nonzero(classes_of(model(images)) == labels).flatten()
