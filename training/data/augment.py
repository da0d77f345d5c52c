"""Batched image preparation on the images' own device: no loop over images, no wait for the device."""

import torch
from torch import Tensor
from torch.nn import functional


def to_unit(images: Tensor) -> Tensor:
    """Scale uint8 images of 0..255 to float32 in [0, 1], any shape. There is no mean/std normalisation."""
    return images.to(torch.float32) / 255


def random_crop_flip(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Pad with zeros, crop back at a random place and mirror half of the images, each image for itself.

    The distribution of torchvision's RandomCrop(size, padding=padding) followed by RandomHorizontalFlip.

    Args:
        images: (n, channels, height, width), any type; not changed.
        generator: on the device of `images`; three numbers an image are drawn from it.
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
