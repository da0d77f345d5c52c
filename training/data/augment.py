"""Batched image preparation on the device of the images, without a loop over images and without waiting for it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.config import TrialConfig
from training.registry import AUGMENTATIONS

# From images (n, channels, height, width) in [0, 1] and a generator on their device to images of the same shape.
Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def build_augmentation(config: TrialConfig) -> Augmentation:
    """Return the augmentation that `config` names."""
    entry = AUGMENTATIONS[config.augmentation]

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        augmented: Tensor = entry.build(config.values, images=images, generator=generator)
        return augmented

    return augment


def to_unit(images: Tensor) -> Tensor:
    """Scale uint8 images in 0..255, of any shape, to float32 in [0, 1], without normalisation of mean and deviation.

    Images of float32 are in [0, 1] and stay as they are.
    """
    return images if images.dtype == torch.float32 else images.to(torch.float32) / 255


@AUGMENTATIONS.register("none")
def unchanged(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the images themselves; no number is drawn."""
    del generator
    return images


@AUGMENTATIONS.register("crop_flip")
def random_crop_flip(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Pad each image with zeros, crop it at a random place and mirror it with probability 1/2.

    The distribution is that of torchvision's RandomCrop(size, padding=padding) followed by RandomHorizontalFlip.

    Args:
        images: (n, channels, height, width) of any type; it is not changed.
        generator: on the device of `images`; each image takes three numbers from it.
        padding: pixels on each side; offsets are uniform on 0..2 * padding.

    Returns:
        (n, channels, height, width), a new contiguous tensor.
    """
    count, channels, height, width = images.shape
    device = images.device

    def draw(choices: int) -> Tensor:
        return torch.randint(choices, (count, 1), generator=generator, device=device)

    rows = draw(2 * padding + 1) + torch.arange(height, device=device)
    left = draw(2 * padding + 1)
    columns = torch.arange(width, device=device)
    # A mirrored crop is the same crop read from its right end.
    columns = left + torch.where(draw(2) == 1, columns.flip(0), columns)
    padded = functional.pad(images, (padding, padding, padding, padding))
    rows = rows.view(count, 1, height, 1).expand(-1, channels, -1, width + 2 * padding)
    columns = columns.view(count, 1, 1, width).expand(-1, channels, height, -1)
    return padded.gather(2, rows).gather(3, columns)
