"""ResNet-18 for small images: 3x3 stem, no max-pool, post-activation (He et al. 2016, arXiv:1512.03385)."""

from torch import Tensor, nn
from torch.nn import functional

SMALLEST_SIDE = 8


def resnet18(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone for images of (channels, height, width) and give its feature count, 512."""
    channels, height, width = image_shape
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(
            f"The images are {height}x{width}, but resnet18 halves each side three times and needs at least"
            f" {SMALLEST_SIDE}x{SMALLEST_SIDE}; choose the architecture digits_cnn."
        )
    stages: list[nn.Module] = []
    channels_in = 64
    for channels_out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        stages += [_BasicBlock(channels_in, channels_out, stride), _BasicBlock(channels_out, channels_out, 1)]
        channels_in = channels_out
    stem = [nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*stem, *stages, _GlobalMean()), 512


class _BasicBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))


class _GlobalMean(nn.Module):
    """Average over positions; AdaptiveAvgPool2d would do, but its CUDA backward is not deterministic."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))
