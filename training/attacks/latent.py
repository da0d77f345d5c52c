"""An adaptive attack on the latent, for models with a bottleneck.

A model whose training pulls the latents of clean and adversarial images together may hide the way to the boundary from
attacks that see only logits. This attack knows that term: it first moves the latent away from that of the clean image,
and then raises the margin (Tramer et al. 2020, arXiv:2002.08347, on attacks that adapt to a defence).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks import l2_ball
from training.attacks.adversary import AttackError, EachImage, require_epsilon, require_positive
from training.attacks.attack_losses import logit_margin
from training.attacks.facts import AttackFacts
from training.attacks.pgd import frozen, steepest, uniform_start
from training.config.fields import choice, whole
from training.models.bottleneck import Gaussian, Point
from training.models.gaussian_kl import symmetric_kl_by_image
from training.norms import LINF
from training.registry import ATTACKS

DISTANCES = ("symmetric_kl", "features")
_NO_BOTTLENECK = "The latent attack needs a model with a bottleneck, but this one has none: leave it out."


@ATTACKS.register(
    "latent",
    facts=AttackFacts(either_norm=True, needs_bottleneck=True, cost="1.5 * restarts * steps g"),
    steps=whole(50, 1),
    restarts=whole(2, 1),
    distance=choice("symmetric_kl", DISTANCES),
)
@dataclass(frozen=True, kw_only=True, slots=True)
class LatentAttack(EachImage):
    """PGD that begins along the distance of the latents and ends along the margin, each divided by its length.

    `distance` is the symmetric KL divergence between p(z|x) and p(z|x'), or `features`, the squared distance of the
    latent means. The share of the margin in a step rises from 0 to 1. The result is the iterate of all restarts with
    the largest margin. It works on the latent's mean; a sampled model is attacked on its mean path.
    """

    family = "latent"
    epsilon: float
    step_size: float
    norm: str = LINF
    steps: int = 50
    restarts: int = 2
    distance: str = "symmetric_kl"

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon, self.norm)
        require_positive("The latent attack", steps=self.steps, restarts=self.restarts, step_size=self.step_size)
        if self.distance not in DISTANCES:
            rule = f"must be one of {', '.join(DISTANCES)}"
            raise AttackError(f"The distance of the latent attack is {self.distance!r}, but {rule}.", "distance")

    @property
    def name(self) -> str:
        """Return the name for tables, such as `Latent-SKL-50 x2`."""
        distance = "SKL" if self.distance == "symmetric_kl" else self.distance
        return f"Latent-{distance}-{self.steps}" + (f" x{self.restarts}" if self.restarts > 1 else "")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`. Raise AttackError if the model has no such latent."""
        generator = torch.Generator(images.device).manual_seed(seed)
        direction, project = steepest(images, self.epsilon, self.norm)
        best, highest = images, torch.full_like(labels, -torch.inf, dtype=images.dtype)
        with frozen(model), _latents_of(model) as latents:
            with torch.no_grad():
                model(images)
            clean = latents.pop()
            self._require_fit(clean)

            def look(moved: Tensor) -> tuple[Tensor, Tensor]:
                margin = logit_margin(model(moved), labels)
                return margin, self._distance(clean, latents.pop())

            for step in range(self.restarts * (self.steps + 1)):
                share = step % (self.steps + 1) / self.steps
                if share == 0:
                    moved = uniform_start(images, self.epsilon, generator, norm=self.norm)
                margin, ascent = _ascent(look, moved, share)
                better = margin > highest
                best = torch.where(better[:, None, None, None], moved, best)
                highest = torch.where(better, margin, highest)
                moved = project(moved + self.step_size * direction(ascent))
        return best

    def _distance(self, clean: Gaussian | Point, moved: Gaussian | Point) -> Tensor:
        """Return the distance of the latents of each image, (batch,)."""
        if self.distance == "symmetric_kl" and isinstance(clean, Gaussian) and isinstance(moved, Gaussian):
            return symmetric_kl_by_image(clean, moved)
        return (clean.mu - moved.mu).square().flatten(1).sum(dim=1)

    def _require_fit(self, latent: object) -> None:
        if not isinstance(latent, Gaussian | Point):
            raise AttackError(_NO_BOTTLENECK, "bottleneck")
        if self.distance == "symmetric_kl" and not isinstance(latent, Gaussian):
            raise AttackError(
                f"The attack {self.name} needs a Gaussian latent, but the model has none: leave it out.", "distance"
            )


def _ascent(look: Callable[[Tensor], tuple[Tensor, Tensor]], moved: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return the margin of each image, (batch,), and a direction, of the shape of `moved`, in which it can rise.

    `look` maps images to margins and distances, (batch,) each. The direction is the mean of both unit gradients, with
    the weight `share` for the margin.
    """
    leaf = moved.detach().requires_grad_()
    with torch.enable_grad():
        margin, distance = look(leaf)
        (away,) = torch.autograd.grad(distance.sum(), leaf, retain_graph=True)
        (wrong,) = torch.autograd.grad(margin.sum(), leaf)
    return margin.detach(), (1 - share) * l2_ball.unit(away) + share * l2_ball.unit(wrong)


@contextmanager
def _latents_of(model: nn.Module) -> Iterator[list[Any]]:
    """Append what the bottleneck returns in each pass to a list. Raise AttackError if the model has none."""
    layer = dict(model.named_modules()).get("bottleneck")
    if layer is None:
        raise AttackError(_NO_BOTTLENECK, "bottleneck")
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()
