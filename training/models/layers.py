"""The layers and the size check that the convolutional backbones have in common."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

# From images, weight and bias to the output of a convolution.
Convolve = Callable[[Tensor, Tensor, Tensor | None], Tensor]
# Tensor cores take channels in groups of this size; other numbers are padded by a pass of their own.
_CHANNELS_AT_ONCE = 8


class InputConv2d(nn.Conv2d):
    """The first convolution, on the images: it does not round them, even if autocast computes in bfloat16.

    bfloat16 cannot resolve less than 0.0039 for pixels above 0.5, and the step of an attack is 0.007. A network that
    rounds its input would also look robust for that reason alone. The output is rounded like that of the other
    convolutions, because it is the largest activation.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return convolve_images(self._conv_forward, input, self.weight, self.bias)


def convolve_images(convolve: Convolve, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply `convolve` to images without rounding them; return the result in the type of the surrounding autocast.

    It is computed in float32, or on CUDA under autocast of bfloat16 from the two parts of `in_two_parts`.
    """
    kind = images.device.type
    if not torch.is_autocast_enabled(kind):
        return convolve(images, weight, bias)
    dtype = torch.get_autocast_dtype(kind)
    with torch.autocast(kind, enabled=False):
        if takes_two_parts(images, weight, dtype):
            return convolve(*in_two_parts(images, weight), None if bias is None else bias.to(dtype))
        return convolve(images, weight, bias).to(dtype)


def takes_two_parts(images: Tensor, weight: Tensor, dtype: torch.dtype) -> bool:
    """Return whether a convolution of images under autocast of `dtype` is computed from two parts of them.

    That is for tensor cores, which are slow with three channels of float32. A CPU gains nothing.
    """
    is_whole = weight.shape[1] == images.shape[1]  # not in groups of channels
    return images.device.type == "cuda" and dtype == torch.bfloat16 and images.dtype == torch.float32 and is_whole


def in_two_parts(images: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return bfloat16 images of twice as many channels, and a weight for them whose products have the same sum.

    x is high + low, where high is x in bfloat16 and low is the rest in bfloat16. Each has 8 bits. For x in [0, 1] the
    rest is at most 2^-9 and its rounding at most 2^-17, a 400th of an attack step of 0.003; TF32 rounds by 2^-12.
    Tensor cores add the products in float32. `weight` is rounded like those of the other convolutions. Channels of
    zeros fill up the last group. The gradient of x is that of high, since low is what high lacks of x.
    """
    high = images.to(torch.bfloat16)
    low = (images.detach() - high.detach()).to(torch.bfloat16)
    rounded = weight.to(torch.bfloat16)
    return _filled(high, low), _filled(rounded, rounded)


def _filled(first: Tensor, second: Tensor) -> Tensor:
    """Return both, (n, channels, height, width) each, as channels of one tensor, with zeros up to a whole group."""
    missing = -2 * first.shape[1] % _CHANNELS_AT_ONCE
    if missing == 0:
        return torch.cat([first, second], dim=1)
    size = (len(first), missing, *first.shape[2:])
    # In the order of the others in memory; otherwise torch would reorder the result in a pass of its own.
    order = torch.contiguous_format if first.is_contiguous() else torch.channels_last
    rest = torch.empty(size, dtype=first.dtype, device=first.device, memory_format=order).zero_()
    return torch.cat([first, second, rest], dim=1)


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
