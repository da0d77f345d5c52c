"""Logits that are not finite: such a prediction is wrong, and it must not stop an attack."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.randomised import Randomised
from training.compute.finite_gradient import with_finite_gradient

NO_CLASS = -1


def classes_of(scores: Tensor) -> Tensor:
    """Return the class with the highest of (batch, classes) scores; -1, which is no class, where one is not finite.

    The argmax of a row with a NaN is the place of the NaN, which may be right by chance.
    """
    return torch.where(scores.isfinite().all(dim=1), scores.argmax(dim=1), NO_CLASS)


def with_finite_logits(model: nn.Module) -> nn.Module:
    """Return a model for attacks, with the same logits and gradients where they are finite, and 0 elsewhere."""
    return _FiniteDraws(model) if isinstance(model, Randomised) else _FiniteLogits(model)


class _FiniteLogits(nn.Module):
    """Its layers have the names that they have in the model itself: an attack may look at one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Tensor) -> Tensor:
        return _finite_rows(self.model(with_finite_gradient(images)))

    def named_modules(self, *arguments: Any, **options: Any) -> Iterator[tuple[str, nn.Module]]:
        """Return the layers of the model, as `nn.Module` does; `parameters` follows from it."""
        yield from self.model.named_modules(*arguments, **options)

    def get_submodule(self, target: str) -> nn.Module:
        """Return a layer of the model."""
        found: nn.Module = self.model.get_submodule(target)
        return found


class _FiniteDraws(_FiniteLogits):
    @property
    def mean_path(self) -> nn.Module:
        """Return the deterministic model of a randomised one, which attacks on its mean path look for."""
        return _FiniteLogits(getattr(self.model, "mean_path", self.model))

    def draw(self, images: Tensor, draws: int) -> Tensor:
        """Return the logits of each draw, (draws, batch, classes)."""
        return _finite_rows(self.model.draw(with_finite_gradient(images), draws))


def _finite_rows(logits: Tensor) -> Tensor:
    return torch.where(logits.isfinite().all(dim=-1, keepdim=True), logits, 0.0)
