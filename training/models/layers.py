"""The layers and the size check that the convolutional backbones have in common."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class InputConv2d(nn.Conv2d):
    """The first convolution, on the images: it is computed in float32 even if autocast computes the others in bfloat16.

    bfloat16 cannot resolve less than 0.0039 for pixels above 0.5, and the step of an attack is 0.007. A network that
    rounds its input would also look robust for that reason alone. The output is rounded like that of the other
    convolutions, because it is the largest activation.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return in_float32(super().forward, input)


def in_float32(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply `layer` to `x` without autocast, and convert the result to the type of the surrounding autocast."""
    kind = x.device.type
    if not torch.is_autocast_enabled(kind):
        return layer(x)
    with torch.autocast(kind, enabled=False):
        output = layer(x)
    return output.to(torch.get_autocast_dtype(kind))


class GlobalMean(nn.Module):
    """Averages (batch, channels, height, width) over all positions to (batch, channels).

    It replaces AdaptiveAvgPool2d, whose backward pass on CUDA is not deterministic.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def require_halvings(architecture: str, image_shape: tuple[int, int, int], halvings: int) -> None:
    """Raise ValueError unless each side of images (channels, height, width) is at least 2^`halvings` pixels."""
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
