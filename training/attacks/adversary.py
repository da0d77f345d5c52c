"""The interface of the attacks of an evaluation: model, images and labels in, adversarial images in a ball out."""

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from training.attacks.pgd import frozen
from training.explained_error import ExplainedError
from training.norms import LINF, NORMS, is_radius, radius_rule

# The edge of a ball, clean +- epsilon, is rounded to float32 twice.
ROUNDING = 1e-6


class AttackError(ExplainedError, ValueError):
    """An attack cannot run with its settings, or returned invalid images; the message says what to change."""


@runtime_checkable
class Adversary(Protocol):
    """An attack with all its parameters set. A call changes neither the model nor any global random state.

    `family` groups attacks for comparisons. `whole_batch` says that the result for one image depends on the
    other images (a guide, a cache), so that no image may be left out of a batch.
    """

    @property
    def name(self) -> str:
        """Return the name for tables: the attack and the parameters that distinguish it."""

    @property
    def family(self) -> str:
        """Return the group of attacks that this one is compared with.

        One of `noise`, `fgsm`, `pgd`, `apgd`, `fab`, `square`, `cw`, `latent`, `representation`, `transfer`,
        `mean_path` and `cascade`.
        """

    @property
    def norm(self) -> str:
        """Return `linf` or `l2`."""

    @property
    def epsilon(self) -> float:
        """Return the radius of the ball that the result lies in; infinity if the attack minimises a distance."""

    @property
    def whole_batch(self) -> bool:
        """Return whether the attack needs every image of a batch."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images, detached, in float32.

        `images` is float32 (batch, channels, height, width) in [0, 1], `labels` is (batch,) int64, both on the
        model's device. `model` maps images to logits, (batch, classes). The same arguments give the same result.
        """


class EachImage:
    """What most adversaries share: a result for each image on its own."""

    whole_batch = False


class LinfBall(EachImage):
    """An attack that exists in l-infinity alone. One that exists in both norms has a field `norm`."""

    norm = LINF


def require_epsilon(epsilon: float, norm: str = LINF) -> None:
    """Raise AttackError unless a ball in `norm` may have the radius `epsilon`, in the units of the images."""
    if norm not in NORMS:
        raise AttackError(f"The norm is {norm!r}, but must be one of {', '.join(NORMS)}.", "norm")
    if not is_radius(epsilon, norm):
        way = f" If you mean {epsilon:g}/255, write {epsilon / 255:.4f}." if 1 < epsilon <= 255 else ""
        rule = f"{radius_rule(norm)} in the norm {norm}, because images are scaled to [0, 1]"
        raise AttackError(f"epsilon is {epsilon:g}, but must be {rule}.{way}", "epsilon")


def edge_of(epsilon: float) -> float:
    """Return the distance that an image in the ball of radius `epsilon` has at most, with rounding.

    Rounding grows with the distance, and in l2 a radius may be far above 1.
    """
    return epsilon + ROUNDING * max(1.0, epsilon)


def require_positive(owner: str, **parameters: float) -> None:
    """Raise AttackError about those `parameters` of an attack, or another `owner`, that are not above 0."""
    wrong = {name: value for name, value in parameters.items() if value <= 0}
    if wrong:
        found = ", ".join(f"{name} is {value:g}" for name, value in wrong.items())
        raise AttackError(f"{owner}: {found}, but must be above 0.", tuple(wrong))


def distances(images: Tensor, adversarial: Tensor, norm: str) -> Tensor:
    """Return the distance in `norm` between each image and its adversarial image, (batch,) float64."""
    difference = (adversarial.double() - images.double()).flatten(1)
    return difference.abs().amax(dim=1) if norm == LINF else difference.norm(dim=1)


def count_classes(model: nn.Module, images: Tensor) -> int:
    """Return the number of classes. Raise AttackError unless the model returns logits (batch, classes)."""
    with frozen(model), torch.no_grad():
        logits = model(images[:1].contiguous())
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        returned = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise AttackError(
            f"The model returns {returned}, but must return logits (batch, classes)."
            " Wrap it in a module that returns the logits alone.",
            returned,
        )
    return logits.shape[1]


def record_of(adversary: Adversary) -> dict[str, Any]:
    """Return the class, the norm and every parameter as plain values; a model appears as the hash of its weights.

    Two adversaries with the same record give the same result for the same model, images and seed.
    """
    record: dict[str, Any] = {"attack": type(adversary).__name__, "norm": adversary.norm}
    for field in fields(adversary):  # type: ignore[arg-type] # every adversary is a dataclass
        value = getattr(adversary, field.name)
        if isinstance(value, Path) or value is None:
            continue
        record[field.name] = _plain(value)
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return weights_digest(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return repr(value)
    return value if isinstance(value, str | int | bool) else record_of(value)


def weights_digest(model: nn.Module) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 hash of a model's state: names, types, shapes, values."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
