"""What the convolutional backbones share."""

from torch import Tensor, nn


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
