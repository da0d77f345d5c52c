"""What the convolutional backbones share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class InputConv2d(nn.Conv2d):
    """The convolution that sees the images: in float32 also where autocast computes the others in less.

    bfloat16 tells pixels above 0.5 apart by 0.0039 at best, of an attack's step of 0.007; a network that rounds its
    input also looks robust for that alone. Its output is rounded as that of the others: it is the largest there is.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return in_float32(super().forward, input)


def in_float32(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply `layer` to `x` without autocast, and round what it gives to the type of an autocast around it."""
    kind = x.device.type
    if not torch.is_autocast_enabled(kind):
        return layer(x)
    with torch.autocast(kind, enabled=False):
        output = layer(x)
    return output.to(torch.get_autocast_dtype(kind))


class GlobalMean(nn.Module):
    """Average (batch, channels, height, width) over positions, to (batch, channels).

    AdaptiveAvgPool2d would do, but its CUDA backward is not deterministic.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def require_halvings(architecture: str, image_shape: tuple[int, int, int], halvings: int) -> None:
    """Raise ValueError unless a pixel is left of (channels, height, width) after `halvings` of each side."""
    _, height, width = image_shape
    least = 2**halvings
    if min(height, width) >= least:
        return
    # digits_cnn itself needs 4x4.
    advice = "; choose the architecture digits_cnn" if min(height, width) >= 4 else ""
    raise ValueError(
        f"The images are {height}x{width}, but {architecture} halves each side {halvings} times and needs at least"
        f" {least}x{least}{advice}."
    )
