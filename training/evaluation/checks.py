"""The checks of an evaluation: of the model before the attacks, and of every adversarial image after an attack."""

import torch
from torch import Tensor, nn

from training.attacks.adversary import Adversary, AttackError, count_classes, distances, edge_of
from training.attacks.attack_losses import cross_entropy_of

# So many images are predicted one by one, too. Other sizes of a batch change the order of sums, and so the rounding.
_COMPARED_IMAGES, _ROUNDING = 8, 1e-3


class RandomisedModelError(AttackError):
    """A model that must be deterministic returns different logits for the same images."""


class InvalidImagesError(AttackError):
    """An attack returned invalid adversarial images. This is a fault of the attack, not of the model."""


def require_sound_model(model: nn.Module, images: Tensor, *, deterministic: bool) -> None:
    """Raise AttackError unless `model` is a float32 classifier that returns some finite logits, twice the same ones.

    `images` is one batch. The model must be in eval mode. Two passes may differ if `deterministic` is false.
    """
    wrong = {str(parameter.dtype) for parameter in model.parameters()} - {"torch.float32"}
    if wrong:
        raise AttackError(f"The weights are {', '.join(wrong)}, but must be torch.float32: call .float().", "weights")
    count_classes(model, images)
    with torch.no_grad():
        first, second = model(images), model(images)
    if not first.isfinite().all(dim=1).any():
        raise AttackError("The model's logits are not finite: it has diverged. Name another checkpoint.", "logits")
    first, second = first.nan_to_num(), second.nan_to_num()
    if deterministic and not torch.equal(first, second):
        raise RandomisedModelError(
            f"Two forward passes of one batch differ by up to {(first - second).abs().max().item():.2g}, but the latent"
            " mode `mean` needs a deterministic model: a lucky draw would make it look more robust than it is."
            " Remove the randomness, or evaluate with the latent mode `sampled`.",
            "latent",
        )
    if deterministic:
        _require_independent_rows(model, images[:_COMPARED_IMAGES])


def _require_independent_rows(model: nn.Module, images: Tensor) -> None:
    """Raise AttackError if the logits of an image change with the other images of its batch."""
    with torch.no_grad():
        together = model(images).nan_to_num()
        alone = torch.cat([model(image[None]) for image in images]).nan_to_num()
    differences = (together - alone).abs()
    if bool((differences > _ROUNDING * (1 + together.abs().amax(dim=1, keepdim=True))).any()):
        raise AttackError(
            f"The logits of an image differ by up to {differences.max().item():.2g} alone and in a batch: the model"
            " looks at the other images, as batch norm in training mode does, and an attack on a batch would not be one"
            " on its images. Make its forward pass independent of the batch.",
            "batch",
        )


def require_gradients(model: nn.Module, images: Tensor) -> None:
    """Raise AttackError unless the logits of the images, (batch, channels, height, width), have gradients of them."""
    leaf = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = model(leaf)
        gradient = None
        if logits.requires_grad:
            (gradient,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
    if gradient is None:
        raise AttackError(
            "The model's logits have no gradient with respect to the images, so that no attack could move them: its"
            " forward pass must not use no_grad, detach, or operations outside torch.",
            "gradient",
        )


def count_zero_gradients(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Count the images, (batch, channels, height, width), at which the gradient of the cross-entropy leads nowhere.

    It is exactly 0 there, or not finite.
    """
    if len(images) == 0:
        return 0
    leaf = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(cross_entropy_of(labels)(model(leaf)), leaf)
    return int((gradient.nan_to_num(0.0, 0.0, 0.0).flatten(1) == 0).all(dim=1).sum())


def outputs_are_probabilities(model: nn.Module, images: Tensor) -> bool:
    """Return whether the outputs are all at least 0 and sum to 1, which logits do not."""
    with torch.no_grad():
        outputs = model(images)
    return bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() < 1e-4).all())


def require_valid_images(adversary: Adversary, images: Tensor, adversarial: Tensor) -> Tensor:
    """Return `adversarial` in float32. Raise InvalidImagesError unless it lies in [0, 1] and in the ball."""
    if adversarial.shape != images.shape:
        raise InvalidImagesError(
            f"{adversary.name} returned {tuple(adversarial.shape)}, but must return {tuple(images.shape)}.", "shape"
        )
    final = adversarial.detach().to(images.device, torch.float32)
    if len(final) == 0:
        return final
    if not final.isfinite().all():
        raise InvalidImagesError(f"{adversary.name} returned pixels that are not finite; they do not count.", "finite")
    if final.min() < 0 or final.max() > 1:
        raise InvalidImagesError(
            f"{adversary.name} returned {final.min():.7g} to {final.max():.7g}, but pixels must be in [0, 1].", "range"
        )
    farthest = distances(images, final, adversary.norm).max().item()
    if farthest > edge_of(adversary.epsilon):
        raise InvalidImagesError(
            f"{adversary.name} moved an image by {farthest:.7g} in {adversary.norm}, but must stay within"
            f" {adversary.epsilon:.7g}; its images do not count.",
            "epsilon",
        )
    return final
