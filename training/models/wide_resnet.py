"""WideResNet-34-10 (Zagoruyko and Komodakis 2016, arXiv:1605.07146): pre-activation, ten times wider than a ResNet."""

from torch import Tensor, nn
from torch.nn import functional

from training.models.layers import GlobalMean, InputConv2d, require_halvings
from training.registry import ARCHITECTURES

DEPTH = 34
WIDEN_FACTOR = 10


@ARCHITECTURES.register("wrn34_10")
def wrn34_10(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone for images (channels, height, width) and return it and its feature count, 640.

    It has no dropout, as in TRADES and Yu et al. 2023, Table 5. With Linear(640, 10) it has 46,160,474 parameters.
    """
    require_halvings("wrn34_10", image_shape, 2)
    # Three groups of N blocks with two convolutions each: the paper counts depth as 6 N + 4 (section 3).
    blocks_per_group = (DEPTH - 4) // 6
    layers: list[nn.Module] = [InputConv2d(image_shape[0], 16, 3, padding=1, bias=False)]
    channels_in = 16
    for width, first_stride in ((16 * WIDEN_FACTOR, 1), (32 * WIDEN_FACTOR, 2), (64 * WIDEN_FACTOR, 2)):
        for stride in (first_stride, *[1] * (blocks_per_group - 1)):
            layers.append(_PreActivationBlock(channels_in, width, stride))
            channels_in = width
    backbone = nn.Sequential(*layers, nn.BatchNorm2d(channels_in), nn.ReLU(), GlobalMean())
    _initialise(backbone)
    return backbone, channels_in


class _PreActivationBlock(nn.Module):
    """A block with batch norm and ReLU before each convolution and before a projection, but not before an identity."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        # Whenever the shape changes, the width changes too.
        self.projection = None
        if channels_in != channels_out:
            self.projection = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = functional.relu(self.norm1(x))
        hidden = functional.relu(self.norm2(self.conv1(activated)))
        residual: Tensor = self.conv2(hidden)
        return residual + (x if self.projection is None else self.projection(activated))


def _initialise(backbone: nn.Module) -> None:
    """Draw convolutions from N(0, 2 / (kernel area * output channels)), like the code of the authors and of TRADES."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
