"""What the convolutional backbones share."""

import torch
from torch import Tensor, nn


class InputConv2d(nn.Conv2d):
    """The convolution that sees the images: in float32 also where the others are not.

    bfloat16 tells pixels above 0.5 apart by 0.0039 at best, more than a step of an attack; it would hide 23 % of them.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input)


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
