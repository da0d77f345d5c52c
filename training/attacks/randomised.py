"""Logits of a randomised classifier for several draws of its noise, for expectation over transformation."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Randomised(Protocol):
    """A model that computes several draws with one pass through its encoder."""

    def draw(self, images: Tensor, draws: int) -> Tensor:
        """Return the logits of each draw, (draws, batch, classes)."""


def draw_logits(model: nn.Module, images: Tensor, draws: int) -> Tensor:
    """Return the logits of `draws` independent draws for `images`, (draws, batch, classes)."""
    if draws > 1 and isinstance(model, Randomised):
        return model.draw(images, draws)
    return torch.stack([model(images) for _ in range(draws)])


def mean_probabilities(model: nn.Module, images: Tensor, draws: int) -> Tensor:
    """Return the mean of the softmax over `draws` draws, (batch, classes)."""
    return draw_logits(model, images, draws).softmax(dim=2).mean(dim=0)
