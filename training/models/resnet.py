"""ResNets for small images: 3x3 stem, no max-pooling, post-activation (He et al. 2016, arXiv:1512.03385)."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from training.models.layers import GlobalMean, InputConv2d, require_halvings
from training.registry import ARCHITECTURES

# Builds the block that maps `channels_in` to `width * expansion` channels: (channels_in, width, stride).
MakeBlock = Callable[[int, int, int], nn.Module]


@ARCHITECTURES.register("resnet18")
def resnet18(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone for images (channels, height, width) and return it and its feature count, 512."""
    require_halvings("resnet18", image_shape, 3)
    return residual_backbone(image_shape[0], _BasicBlock, expansion=1, depths=(2, 2, 2, 2))


def residual_backbone(
    channels: int, make_block: MakeBlock, *, expansion: int, depths: tuple[int, int, int, int]
) -> tuple[nn.Module, int]:
    """Build the stem, four stages of `depths` blocks and the global mean; return the backbone and its feature count.

    The stages are 64, 128, 256 and 512 wide; each except the first halves the sides. `channels` is that of the images.
    """
    stages: list[nn.Module] = []
    channels_in = 64
    for width, first_stride, depth in zip((64, 128, 256, 512), (1, 2, 2, 2), depths, strict=True):
        for stride in (first_stride, *[1] * (depth - 1)):
            stages.append(make_block(channels_in, width, stride))
            channels_in = width * expansion
    stem = [InputConv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*stem, *stages, GlobalMean()), channels_in


def projected_shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """Return the identity, or a strided 1x1 convolution with batch norm if the block changes the shape."""
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
        nn.BatchNorm2d(channels_out),
    )


class _BasicBlock(nn.Module):
    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = projected_shortcut(channels_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))
