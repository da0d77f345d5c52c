"""Projected gradient descent in an l-infinity or l2 ball (Madry et al. 2018, arXiv:1706.06083)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from training.attacks import l2_ball
from training.attacks.attack_losses import AttackLoss
from training.compute.parallel import ALONE, Group
from training.norms import LINF


def pgd(
    model: nn.Module,
    images: Tensor,
    loss: AttackLoss,
    *,
    epsilon: float,
    step_size: float,
    steps: int,
    generator: torch.Generator,
    norm: str = LINF,
) -> Tensor:
    """Search, from a random start, for images near `images` at which the `loss` of the model's logits is larger.

    `images` is float32 (batch, channels, height, width) in [0, 1]. `epsilon` and `step_size` are distances in `norm`,
    in the units of the images. The result is detached and lies within `epsilon` of `images` and in [0, 1].
    `generator` is on the device of the images. The model's modes, buffers and gradients are restored.
    """
    start = uniform_start(images, epsilon, generator, norm=norm)
    return ascend(
        model,
        images,
        start,
        lambda adversarial: loss(model(adversarial)),
        epsilon=epsilon,
        step_size=step_size,
        steps=steps,
        norm=norm,
    )


def uniform_start(
    images: Tensor,
    epsilon: float | Tensor,
    generator: torch.Generator,
    group: Group = ALONE,
    *,
    norm: str = LINF,
) -> Tensor:
    """Draw uniformly from the ball of radius `epsilon` around each image and clamp the result to [0, 1].

    `epsilon` is a number or a tensor (batch, 1, 1, 1). `images` are the rows of one process of the `group`.
    """
    if norm != LINF:
        return (images + l2_ball.uniform_in_ball(images, epsilon, generator, group)).clamp(0, 1)
    noise = group.noise(torch.rand, images, generator)
    return (images + epsilon * (2 * noise - 1)).clamp(0, 1)


def gaussian_start(images: Tensor, generator: torch.Generator, group: Group = ALONE) -> Tensor:
    """Return `images` + 0.001 * N(0, 1), as in the official code of TRADES and MART.

    The result is not clamped, as there: the projection of the first step does that.
    """
    noise = group.noise(torch.randn, images, generator)
    return images + 0.001 * noise


def ascend(
    model: nn.Module,
    images: Tensor,
    start: Tensor,
    loss: Callable[[Tensor], Tensor],
    *,
    epsilon: float | Tensor,
    step_size: float | Tensor,
    steps: int,
    norm: str = LINF,
) -> Tensor:
    """Raise `loss` by `steps` gradient steps from `start`, each projected on the ball in `norm` and on [0, 1].

    A step has the length `step_size` in the norm: in l-infinity along the sign of the gradient, in l2 along the
    gradient of each image. A gradient of 0 leaves the image, or in l-infinity the pixel, where it is. `loss` maps
    adversarial images to a scalar and calls `model`. Shapes and units are those of `pgd`; `epsilon` and `step_size` may
    also be tensors (batch, 1, 1, 1), one value per image. One step of size `epsilon` from the images themselves is the
    fast gradient sign method.
    """
    direction, project = steepest(images, epsilon, norm)
    adversarial = start.detach()
    with frozen(model), torch.enable_grad():
        for _ in range(steps):
            adversarial.requires_grad_()
            (gradient,) = torch.autograd.grad(loss(adversarial), adversarial)
            adversarial = project(adversarial.detach() + step_size * direction(gradient))
    return adversarial


def steepest(
    images: Tensor, epsilon: float | Tensor, norm: str
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return the direction of length 1 in which a loss with a given gradient rises most, and the projection."""
    if norm != LINF:
        return l2_ball.unit, lambda moved: l2_ball.project(moved, images, epsilon)
    # The intersection of two boxes is a box: one clamp does both projections.
    lowest, highest = (images - epsilon).clamp_min(0), (images + epsilon).clamp_max(1)
    return torch.sign, lambda moved: moved.clamp(lowest, highest)


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Put `model` into eval mode and turn off the gradients of its parameters; restore every flag at the end.

    The mode is restored for each module, because a part may be in eval mode on purpose. Without the gradients of the
    weights an attack costs a third less.
    """
    modes = [(module, module.training) for module in model.modules()]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        model.eval()
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
        for module, mode in modes:
            module.training = mode
