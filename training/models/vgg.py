"""VGG-16 with batch norm for 32x32 images (Simonyan and Zisserman 2015, arXiv:1409.1556, column D)."""

from collections import OrderedDict

from torch import nn

from training.models.layers import InputConv2d, require_halvings
from training.registry import ARCHITECTURES

# The channels and the number of convolutions of the five groups.
GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


@ARCHITECTURES.register("vgg16")
def vgg16(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone for images (channels, height, width) and return it and its feature count, 512.

    The two hidden linear layers have 512 units instead of 4096, as in Liu and Deng 2015 for 32x32 images (ACPR,
    "Very deep convolutional neural network based image classification using small training sample size"). Each has
    the dropout of VGG, 0.5.

    `named_modules()` of a Classifier has the layers of the representation attack (Yu et al. 2023, Figure 4). FC-1 is
    `backbone.fc1.relu`, (batch, 512). conv-3 is `backbone.conv3` and conv-5 is `backbone.conv5`: the outputs of the
    third and fifth group after pooling, (batch, 256, 4, 4) and (batch, 512, 1, 1) for 32x32 images. The paper does not
    say whether it counts groups or convolutions; the third and fifth convolution after ReLU are
    `backbone.conv2.relu1` and `backbone.conv3.relu1`.
    """
    require_halvings("vgg16", image_shape, len(GROUPS))
    channels_in, height, width = image_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (channels, convolutions) in enumerate(GROUPS, start=1):
        layers[f"conv{number}"] = _convolutions(channels_in, channels, convolutions, sees_images=number == 1)
        channels_in = channels
    area = (height // 2 ** len(GROUPS)) * (width // 2 ** len(GROUPS))
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = _hidden(channels_in * area, 512)
    layers["fc2"] = _hidden(512, 512)
    return nn.Sequential(layers), 512


def _convolutions(channels_in: int, channels: int, count: int, *, sees_images: bool) -> nn.Sequential:
    group: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        convolution = InputConv2d if sees_images and number == 1 else nn.Conv2d
        group[f"conv{number}"] = convolution(channels_in, channels, 3, padding=1, bias=False)
        group[f"norm{number}"] = nn.BatchNorm2d(channels)
        group[f"relu{number}"] = nn.ReLU()
        channels_in = channels
    group["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(group)


def _hidden(features_in: int, features_out: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(linear=nn.Linear(features_in, features_out), relu=nn.ReLU(), dropout=nn.Dropout(0.5))
    )
