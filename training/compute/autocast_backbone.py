"""Backbones that compute in half precision and return features in float32."""

from typing import Any

import torch
from torch import Tensor, nn

from training.compute.finite_gradient import with_finite_gradient

# The largest gradient of each image's features. In float16 a gradient may grow by a factor of 256 on its way to the
# pixels before it overflows, and shrink to 2e-10 of it before it is 0.
_LARGEST = 256.0


class InBfloat16(nn.Module):
    """A backbone under autocast."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.inner = backbone

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            features: Tensor = self.inner(images)
        return features.float()


class InFloat16(nn.Module):
    """A backbone under autocast, for attacks that use only the signs of the gradient of each image by itself.

    Float16 has only five bits of exponent: gradients of images that are classified with certainty would be 0. So the
    gradient of each image's features is scaled to a fixed largest value. That scales the gradient of the image's pixels
    and changes no sign, and needs no value on the host, as a loss scale for the whole batch would. A pixel whose
    gradient overflowed nevertheless does not move. Batch norm must be in eval mode: it must not mix images.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.inner = backbone

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.float16):
            features: Tensor = self.inner(with_finite_gradient(images))
        scaled: Tensor = _LargestGradient.apply(features.float())
        return scaled


class _LargestGradient(torch.autograd.Function):
    """Returns its input, (batch, features); scales the gradient of each row."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        del ctx
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        (gradient,) = gradients
        largest = gradient.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
        return gradient * (_LARGEST / largest)
