"""ResNet-50 for small images, the surrogate of the black-box attacks (Yu et al. 2023, Table 6)."""

from torch import Tensor, nn
from torch.nn import functional

from training.models.layers import require_halvings
from training.models.resnet import projected_shortcut, residual_backbone
from training.registry import ARCHITECTURES

_EXPANSION = 4


@ARCHITECTURES.register("resnet50")
def resnet50(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone for images (channels, height, width) and return it and its feature count, 2048.

    He et al. 2016, Table 1 (arXiv:1512.03385), with the stem of ResNet-18 for small images: 3x3 with stride 1, no
    max-pooling. As in the common implementations, the 3x3 convolution has the stride of the stage.
    """
    require_halvings("resnet50", image_shape, 3)
    return residual_backbone(image_shape[0], _ThreeLayerBlock, expansion=_EXPANSION, depths=(3, 4, 6, 3))


class _ThreeLayerBlock(nn.Module):
    """The bottleneck block of He et al.: 1x1, 3x3, 1x1. It is unrelated to the Gaussian bottleneck."""

    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        super().__init__()
        channels_out = width * _EXPANSION
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels_out, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels_out)
        self.shortcut = projected_shortcut(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.norm1(self.conv1(x)))
        hidden = functional.relu(self.norm2(self.conv2(hidden)))
        return functional.relu(self.norm3(self.conv3(hidden)) + self.shortcut(x))
