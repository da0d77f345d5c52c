"""Search with a network of your own: a small residual network, used as it is from this file.

Run, in the folder `examples`:
    tuner run --space digits_tradeoff --set architecture=own_network:SmallResidual --trials 4 --epochs 3
"""

from torch import Tensor, nn


class SmallResidual(nn.Module):
    """Two residual blocks and an average over the image.

    `features` says how many numbers come out for an image. The bottleneck and the classifier are put on them. A network
    without this attribute must return logits, and takes a parameter `num_classes`.
    """

    features = 32

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, _, _ = image_shape
        self.stem = nn.Conv2d(channels, self.features, 3, padding=1)
        self.blocks = nn.ModuleList(_block(self.features) for _ in range(2))
        # Without it the sum of the blocks has no scale, and large learning rates make it diverge.
        self.last = nn.Sequential(nn.BatchNorm2d(self.features), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of images (batch, channels, height, width) in [0, 1], as (batch, features)."""
        hidden: Tensor = self.stem(images)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        pooled: Tensor = self.last(hidden).mean(dim=(2, 3))
        return pooled


def _block(width: int) -> nn.Sequential:
    layers = (nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1, bias=False))
    return nn.Sequential(*layers)
