"""The geometry of an l2 ball around each image of a batch: uniform draws, unit gradients, projection.

All tensors are (batch, channels, height, width), and every image has a ball of its own. A radius is a number or a
tensor (batch, 1, 1, 1).
"""

import torch
from torch import Tensor

from training.compute.parallel import ALONE, Group

_PER_IMAGE = (1, 2, 3)


def lengths(changes: Tensor) -> Tensor:
    """Return the l2 length of each change, (batch, 1, 1, 1)."""
    return changes.square().sum(dim=_PER_IMAGE, keepdim=True).sqrt()


def uniform_in_ball(images: Tensor, radius: float | Tensor, generator: torch.Generator, group: Group = ALONE) -> Tensor:
    """Draw changes that are uniform in the ball of `radius` around 0, of the shape of `images`.

    The direction is that of a normal vector, and the length is radius * u^(1/d), with u uniform in [0, 1] and d the
    number of values of an image: a ball's volume grows with the power d of its radius. `images` are the rows of one
    process of the `group`.
    """
    directions = unit(group.noise(torch.randn, images, generator))
    share = group.noise(torch.rand, images[:, :1, :1, :1], generator) ** (1 / images[0].numel())
    return radius * share * directions


def unit(gradients: Tensor) -> Tensor:
    """Return each gradient with the length 1. One that is 0 stays 0; NaN counts as 0, infinity as the largest number.

    Each is divided by its largest value first, because the square of a small number underflows: the gradient of a
    saturated cross-entropy is often below 1e-23.
    """
    finite, smallest = gradients.nan_to_num(nan=0.0), torch.finfo(gradients.dtype).tiny
    scaled = finite / finite.abs().amax(dim=_PER_IMAGE, keepdim=True).clamp_min(smallest)
    return scaled / lengths(scaled).clamp_min(smallest)


def project(moved: Tensor, images: Tensor, radius: float | Tensor) -> Tensor:
    """Return the nearest points to `moved` in the ball around each image, then clamped to [0, 1].

    The images lie in [0, 1], so the clamp moves each value towards that of its image and does not leave the ball.
    """
    changes = moved - images
    shrink = (radius / lengths(changes).clamp_min(1e-12)).clamp_max(1)
    return (images + shrink * changes).clamp(0, 1)
