"""Noise, FGSM and PGD for evaluation; PGD with restarts, several losses and expectation over transformation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, EachImage, require_epsilon, require_positive
from training.attacks.attack_losses import cross_entropy_of, logit_margin, logits_ratio_of, margin_of
from training.attacks.facts import AttackFacts
from training.attacks.pgd import ascend, frozen, uniform_start
from training.attacks.randomised import draw_logits, mean_probabilities
from training.config.fields import choice, whole
from training.norms import LINF
from training.registry import ATTACKS

LOSSES: dict[str, Callable[[Tensor], Callable[[Tensor], Tensor]]] = {
    "ce": cross_entropy_of,
    "margin": margin_of,
    "dlr": logits_ratio_of,
}
_PGD = AttackFacts(either_norm=True, cost="restarts * steps g", in_expectation=True)


@ATTACKS.register("noise", facts=AttackFacts(either_norm=True, cost="none", in_expectation=True))
@dataclass(frozen=True, kw_only=True, slots=True)
class Noise(EachImage):
    """Uniform noise in the ball; every gradient attack must be far stronger."""

    name = family = "noise"
    epsilon: float
    norm: str = LINF

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        """Return the images with noise; see `Adversary`."""
        return uniform_start(images, self.epsilon, _generator(images, seed), norm=self.norm)


@ATTACKS.register("fgsm", facts=AttackFacts(either_norm=True, cost="1 g", in_expectation=True))
@dataclass(frozen=True, kw_only=True, slots=True)
class Fgsm(EachImage):
    """One step of size epsilon from the image itself; Goodfellow et al. 2015, arXiv:1412.6572."""

    family = "fgsm"
    epsilon: float
    norm: str = LINF
    draws: int = 1

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)

    @property
    def name(self) -> str:
        """Return the name for tables: in l2 the step is along the gradient, not along its sign."""
        return "FGSM" if self.norm == LINF else "FGM"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        """Return adversarial images; see `Adversary`. The attack is deterministic."""
        loss = _averaged(model, LOSSES["ce"](labels), self.draws)
        return ascend(
            model, images, images, loss, epsilon=self.epsilon, step_size=self.epsilon, steps=1, norm=self.norm
        )


def _knobs(steps: int, restarts: int = 1, loss: str = "ce") -> dict[str, Any]:
    return {"steps": whole(steps, 1), "restarts": whole(restarts, 1), "loss": choice(loss, tuple(LOSSES))}


# Table 2 of the paper has 20 and 40 steps, Table 6 also 10. The others are what reviewers ask for.
@ATTACKS.register("pgd", facts=_PGD, **_knobs(20))
@ATTACKS.register("pgd10", facts=_PGD, **_knobs(10))
@ATTACKS.register("pgd20", facts=_PGD, **_knobs(20))
@ATTACKS.register("pgd40", facts=_PGD, **_knobs(40))
@ATTACKS.register("pgd100", facts=_PGD, **_knobs(100, restarts=5))
@ATTACKS.register("pgd100_margin", facts=_PGD, **_knobs(100, loss="margin"))
@dataclass(frozen=True, kw_only=True, slots=True)
class Pgd(EachImage):
    """PGD (Madry et al. 2018, arXiv:1706.06083): the last iterate of the restart with the largest margin.

    `loss` is `ce`, `margin` or `dlr`. With `random_start` the attack starts uniformly in the ball, otherwise at the
    image itself. With `draws` > 1 each gradient is the mean over so many draws of a randomised model (expectation
    over transformation, Athalye et al. 2018, arXiv:1707.07397). Raise AttackError if a parameter is out of range.
    """

    family = "pgd"
    epsilon: float
    step_size: float
    steps: int
    norm: str = LINF
    restarts: int = 1
    loss: str = "ce"
    random_start: bool = True
    draws: int = 1

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)
        if self.loss not in LOSSES:
            raise AttackError(f"The loss of PGD is {self.loss!r}, but must be one of {', '.join(LOSSES)}.", "loss")
        counts = {"steps": self.steps, "restarts": self.restarts, "draws": self.draws}
        require_positive("PGD", **counts, step_size=self.step_size)

    @property
    def name(self) -> str:
        """Return the name for tables, such as `PGD-100 x5 (EOT 20)`."""
        loss = "" if self.loss == "ce" else f"-{self.loss.upper()}"
        restarts = f" x{self.restarts}" if self.restarts > 1 else ""
        return f"PGD{loss}-{self.steps}{restarts}" + (f" (EOT {self.draws})" if self.draws > 1 else "")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`. The starts depend on the seed and the shape alone."""
        generator = _generator(images, seed)
        loss = _averaged(model, LOSSES[self.loss](labels), self.draws)
        best, highest = images, torch.full_like(labels, -torch.inf, dtype=images.dtype)
        for _ in range(self.restarts):
            start = uniform_start(images, self.epsilon, generator, norm=self.norm) if self.random_start else images
            found = self._ascend(model, images, start, loss)
            if self.restarts == 1:
                return found
            margin = _margin(model, found, labels, self.draws)
            better = margin > highest
            best = torch.where(better[:, None, None, None], found, best)
            highest = torch.where(better, margin, highest)
        return best

    def _ascend(self, model: nn.Module, images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        return ascend(
            model,
            images,
            start,
            loss,
            epsilon=self.epsilon,
            step_size=self.step_size,
            steps=self.steps,
            norm=self.norm,
        )


def _averaged(model: nn.Module, loss: Callable[[Tensor], Tensor], draws: int) -> Callable[[Tensor], Tensor]:
    """Return the function that maps adversarial images to the mean loss over the draws, a scalar."""
    return lambda images: torch.stack([loss(logits) for logits in draw_logits(model, images, draws)]).mean()


def _margin(model: nn.Module, images: Tensor, labels: Tensor, draws: int) -> Tensor:
    with frozen(model), torch.no_grad():
        scores = model(images) if draws == 1 else mean_probabilities(model, images, draws)
        return logit_margin(scores, labels)


def _generator(images: Tensor, seed: int) -> torch.Generator:
    return torch.Generator(images.device).manual_seed(seed)
