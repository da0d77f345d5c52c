"""Gradients that are finite: NaN, such as 0 times infinity, leads nowhere and would spoil the images of an attack."""

from typing import Any

import torch
from torch import Tensor


def with_finite_gradient(images: Tensor) -> Tensor:
    """Return the images themselves; in their gradient NaN is 0, and infinity is the largest finite number."""
    found: Tensor = _FiniteGradient.apply(images)
    return found


class _FiniteGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        del ctx
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return gradients[0].nan_to_num(nan=0.0)
