"""What every attack of an evaluation is: model, images, labels -> adversarial images, in a ball that it keeps."""

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

LINF, L2 = "linf", "l2"
# A ball's edge, clean +- epsilon, is rounded to float32 twice.
ROUNDING = 1e-6


class AttackError(ValueError):
    """An attack cannot run as it is set, or broke its promise; the message says what to change."""


@runtime_checkable
class Adversary(Protocol):
    """An attack with all its parameters set; calling it changes neither the model nor any global random state.

    `family` groups attacks for comparisons, `whole_batch` says that the result for one image depends on the
    others (a guide, a cache), so that no image may be left out.
    """

    @property
    def name(self) -> str:
        """Give the name in tables: what runs, with the parameters that tell it apart."""

    @property
    def family(self) -> str:
        """Give what it is compared by.

        `noise`, `fgsm`, `pgd`, `apgd`, `fab`, `square`, `cw`, `representation`, `transfer`, `mean_path` or `cascade`.
        """

    @property
    def norm(self) -> str:
        """Give `linf` or `l2`."""

    @property
    def epsilon(self) -> float:
        """Give the radius of the ball that the result lies in; infinite where the attack minimises a distance."""

    @property
    def whole_batch(self) -> bool:
        """Whether images may not be left out of a batch."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Give adversarial images, detached float32.

        `images` is float32 (batch, channels, height, width) in [0, 1], `labels` (batch,) int64, both on the
        model's device; `model` maps images to logits, (batch, classes). Same arguments, same result.
        """


class LinfBall:
    """The settings that most adversaries share: the l-infinity ball, and every image on its own."""

    @property
    def norm(self) -> str:
        """Give `linf`."""
        return LINF

    @property
    def whole_batch(self) -> bool:
        """Give False: each image's result is its own."""
        return False


def require_epsilon(epsilon: float) -> None:
    """Raise AttackError unless `epsilon` is in [0, 1], the units of the images."""
    if not 0 <= epsilon <= 1:
        raise AttackError(
            f"epsilon is {epsilon:g}, but must be in [0, 1], for images are scaled to [0, 1];"
            f" {epsilon:g}/255 is {epsilon / 255:.4f}."
        )


def distances(images: Tensor, adversarial: Tensor, norm: str) -> Tensor:
    """Give each image's distance to its adversarial one, (batch,) float64, in `norm`."""
    difference = (adversarial.double() - images.double()).flatten(1)
    return difference.abs().amax(dim=1) if norm == LINF else difference.norm(dim=1)


def record_of(adversary: Adversary) -> dict[str, Any]:
    """Give class, norm and every parameter in plain values; models by the hash of their weights.

    Two adversaries with one record give one result for the same model, images and seed.
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
    """Give the first 16 hexadecimal digits of the SHA-256 of the names, types, shapes and values of a model's state."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
