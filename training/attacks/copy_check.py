"""Whether a network can be attacked by its folded copy: it is traced, and its outputs are compared with the copy's.

A trace takes every path of Python's code once. A network whose code depends on values, on the number of its calls, or
on anything else that changes, computes something else than its copy.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from training.attacks.batch_norm_folding import FoldedBackbone
from training.attacks.pgd import frozen
from training.compute.numerics import exact_float32, no_autocast
from training.compute.random_streams import preserved_randomness

# Of the largest output. Folding rounds by about 1e-6; a batch norm or an activation that is lost changes far more.
_TOLERANCE = 1e-3
_TRIED_IMAGES = 4


def copy_fault(backbone: nn.Module, images: Tensor, *, fused: bool = False) -> str | None:
    """Return why the folded copy of `backbone`, `fused` or not, cannot be attacked in its place, or None if it can.

    The weights of a second copy are changed after its folding, as a training does, and both are compared on two
    batches. Neither the backbone nor any random state is changed. `images` is (batch, channels, height, width).
    """
    device = images.device
    with preserved_randomness(device), torch.no_grad(), exact_float32(), no_autocast(device):
        try:
            changed = deepcopy(backbone)
            folded = FoldedBackbone(changed, fused=fused)
        except Exception as error:  # noqa: BLE001 - code of any network runs here
            return _reason("its network cannot be traced", error)
        try:
            _change(changed, seed=0)
            with frozen(changed):
                faults = [_differs(changed, folded, images[:count]) for count in (_TRIED_IMAGES, 1, _TRIED_IMAGES)]
        except Exception as error:  # noqa: BLE001
            return _reason("the copy of its network cannot be computed", error)
    if any(faults):
        return "compile: off for the attack, because a traced copy of its network has other outputs"
    return None


def _differs(backbone: nn.Module, folded: FoldedBackbone, images: Tensor) -> bool:
    folded.refresh()
    expected, found = backbone(images), folded(images)
    error = (found - expected).abs().max()
    return not bool(error <= _TOLERANCE * expected.abs().max().clamp(min=1e-6))


def _change(network: nn.Module, seed: int) -> None:
    """Change all weights and statistics a little; what is positive, such as a variance, stays so."""
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point():
            generator = torch.Generator(tensor.device).manual_seed(seed)
            is_positive = bool((tensor > 0).all())
            tensor.mul_(0.8 + 0.4 * torch.rand(tensor.shape, generator=generator, device=tensor.device))
            if not is_positive:
                scale = 0.05 * tensor.abs().mean().clamp(min=0.1)
                tensor.add_(scale * torch.randn(tensor.shape, generator=generator, device=tensor.device))


def _reason(what: str, error: Exception) -> str:
    detail = (" ".join(str(error).split()) or type(error).__name__)[:120]
    return f"compile: off for the attack, because {what} ({type(error).__name__}: {detail})"
