"""Logits of several draws of a randomised classifier, for expectation over transformation."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Randomised(Protocol):
    """A model that gives several draws for the price of one pass through its encoder."""

    def draw(self, images: Tensor, draws: int) -> Tensor:
        """Give logits, (draws, batch, classes)."""


def draw_logits(model: nn.Module, images: Tensor, draws: int) -> Tensor:
    """Give `draws` independent forward passes of `images`, (draws, batch, classes)."""
    if draws > 1 and isinstance(model, Randomised):
        return model.draw(images, draws)
    return torch.stack([model(images) for _ in range(draws)])


def mean_probabilities(model: nn.Module, images: Tensor, draws: int) -> Tensor:
    """Give the mean softmax of `draws` forward passes, (batch, classes)."""
    return draw_logits(model, images, draws).softmax(dim=2).mean(dim=0)
