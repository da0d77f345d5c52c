"""Two checks that a model is what it seems: its gradient is that of its logits, and no call changes the next one."""

import copy

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError

# Below this cosine the gradient does not say how the logits change. Rounding and kinks cost a few per cent.
LEAST_AGREEMENT = 0.7
_STEPS = (1e-3, 1e-2)
_IMAGES, _DIRECTIONS, _CLASSES = 16, 4, 10
# A logit that changes less than this, as a part of the other logits' changes and of itself, says nothing in float32.
_NEGLIGIBLE, _RESOLVED = 1e-3, 3e-5
_ROUNDING = 1e-3


def gradient_agreement(model: nn.Module, images: Tensor) -> float:
    """Return how well the gradients of the logits predict finite differences, from -1 to 1; 1: exactly.

    The cosine between both is taken over images, (batch, channels, height, width), and random directions, for each of
    the first classes, and the smallest one counts. Of two step sizes the better one counts: rounding disturbs a small
    one, kinks a large one. A logit that does not change at all is left out. The model is deterministic and in eval
    mode.
    """
    chosen = images[:_IMAGES]
    device = chosen.device
    generator = torch.Generator(device).manual_seed(0)
    shape = (_DIRECTIONS, *chosen.shape)
    directions = torch.randint(0, 2, shape, generator=generator, device=device).to(chosen.dtype) * 2 - 1
    predicted = _slopes(model, chosen, directions)
    return max(_least_cosine(predicted, *_differences(model, chosen, directions, step)) for step in _STEPS)


def _slopes(model: nn.Module, images: Tensor, directions: Tensor) -> Tensor:
    """Return the derivatives of the first logits along the directions, (directions, batch, classes)."""
    leaf = images.detach().clone().requires_grad_()
    found = []
    with torch.enable_grad():
        logits = model(leaf)
        for place in range(min(_CLASSES, logits.shape[1])):
            (gradient,) = torch.autograd.grad(logits[:, place].sum(), leaf, retain_graph=True)
            found.append((directions * gradient.nan_to_num(0.0, 0.0, 0.0)).flatten(2).sum(dim=2))
    return torch.stack(found, dim=2)


def _differences(model: nn.Module, images: Tensor, directions: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Return the central differences of the first logits, as `_slopes`, and which are no rounding, (classes,)."""
    with torch.no_grad():
        pairs = [(model(images + step * each), model(images - step * each)) for each in directions]
    above, below = (
        torch.stack(logits)[..., :_CLASSES].nan_to_num(0.0, 0.0, 0.0) for logits in zip(*pairs, strict=True)
    )
    changes = above - below
    resolved = changes.norm(dim=(0, 1)) > _RESOLVED * above.norm(dim=(0, 1))
    return changes / (2 * step), resolved


def _least_cosine(predicted: Tensor, measured: Tensor, resolved: Tensor) -> float:
    predicted, measured = (values.double().flatten(0, 1) for values in (predicted, measured))
    lengths = torch.stack([values.norm(dim=0) for values in (predicted, measured)])
    changing = resolved & (lengths.amax(dim=0) > _NEGLIGIBLE * lengths.max())
    if not changing.any():
        return 1.0
    cosines = (predicted * measured).sum(dim=0) / lengths.prod(dim=0).clamp_min(torch.finfo(torch.float64).tiny)
    return float(cosines[changing].min())


def untouched_copy(model: nn.Module) -> nn.Module | None:
    """Return a copy of a model before its first call, None if it cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception:  # noqa: BLE001 - a model from outside may raise anything
        return None


def require_no_memory(model: nn.Module, untouched: nn.Module | None, images: Tensor, epsilon: float) -> None:
    """Raise AttackError unless a model that was called answers moved images as its copy that was never called.

    Without a copy nothing is compared.

    `images`, (batch, channels, height, width), are moved by noise within `epsilon`: a model that remembers answers to
    them as to the images that it saw.
    """
    if untouched is None:
        return
    generator = torch.Generator(images.device).manual_seed(0)
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    moved = (images + epsilon * (2 * noise - 1)).clamp(0, 1)
    with torch.no_grad():
        now, fresh = model(moved).nan_to_num(), copy.deepcopy(untouched)(moved).nan_to_num()
    differences = (now - fresh).abs()
    if bool((differences > _ROUNDING * (1 + fresh.abs().amax(dim=1, keepdim=True))).any()):
        raise AttackError(
            f"The model's logits differ by up to {differences.max().item():.2g} from those of a copy that was never"
            " called: it remembers what it saw, or counts its calls, so that an attack on it is not one on the model"
            " that will be used. Make its forward pass depend on the image alone.",
            "memory",
        )
