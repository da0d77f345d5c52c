"""The small convolutional backbones: one for 8x8 digits, and the paper's 4-layer CNN for MNIST."""

from torch import nn

from training.models.layers import InputConv2d
from training.registry import ARCHITECTURES

CNN4_SMALLEST_SIDE = 16


@ARCHITECTURES.register("digits_cnn")
def digits_cnn(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build a backbone of two convolutions, cheap enough for a search on a CPU, and return it and its feature count.

    `image_shape` is (channels, height, width). Strides replace pooling, which halves the cost of a step. With batch
    norm a trial of 15 to 20 epochs comes close to the accuracy of a long one.
    """
    channels, height, width = image_shape
    if min(height, width) < 4:
        raise ValueError(f"The images are {height}x{width}, but digits_cnn needs at least 4x4.")
    # Each of the two strides halves a side and rounds it up.
    area = -(-height // 4) * -(-width // 4)
    backbone = nn.Sequential(
        *_strided_block(InputConv2d, channels, 16),
        *_strided_block(nn.Conv2d, 16, 32),
        nn.Flatten(),
        nn.Linear(32 * area, 128),
        nn.ReLU(),
    )
    return backbone, 128


@ARCHITECTURES.register("cnn4")
def cnn4(image_shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """Build the backbone of the 4-layer CNN of Yu et al. 2023 and return it and its feature count, 200.

    It is the SmallCNN of TRADES (Zhang et al. 2019, arXiv:1901.08573): no padding, no batch norm, dropout
    after the first linear layer. `image_shape` is (channels, height, width); in the paper it is (1, 28, 28).
    """
    channels, height, width = image_shape
    if min(height, width) < CNN4_SMALLEST_SIDE:
        least = f"{CNN4_SMALLEST_SIDE}x{CNN4_SMALLEST_SIDE}"
        raise ValueError(
            f"The images are {height}x{width}, but cnn4's unpadded convolutions need at least {least};"
            " choose the architecture digits_cnn."
        )
    backbone = nn.Sequential(
        *_unpadded_block(InputConv2d, channels, 32),
        *_unpadded_block(nn.Conv2d, 32, 64),
        nn.Flatten(),
        nn.Linear(64 * _side_after_blocks(height) * _side_after_blocks(width), 200),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(200, 200),
        nn.ReLU(),
    )
    return backbone, 200


def _strided_block(first: type[nn.Conv2d], channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        first(channels_in, channels_out, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def _unpadded_block(first: type[nn.Conv2d], channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        first(channels_in, channels_out, 3),
        nn.ReLU(),
        nn.Conv2d(channels_out, channels_out, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


def _side_after_blocks(side: int) -> int:
    return ((side - 4) // 2 - 4) // 2
