"""Attacks that make adversarial images on another model: black-box transfer (Yu et al. 2023, Table 6), mean path."""

import hashlib
import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.atomic_write import atomic_write
from training.attacks.adversary import Adversary, AttackError, record_of
from training.attacks.facts import AttackFacts
from training.registry import ATTACKS

# The attacks of Table 6.
_TRANSFERRED = ("pgd10", "pgd20", "pgd40", "cw", "square")


class OtherModel:
    """The properties of an attack on another model: norm and radius are those of `attack`."""

    attack: Adversary

    @property
    def norm(self) -> str:
        """Return the norm of the attack."""
        return self.attack.norm

    @property
    def epsilon(self) -> float:
        """Return the radius of the attack."""
        return self.attack.epsilon


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Transfer(OtherModel):
    """Runs `attack` on `surrogate` in place of the model under evaluation.

    `cache` is a folder that keeps the adversarial images. Their file is named by the hash of everything that they
    depend on (surrogate, attack, images, labels, seed), so that every model is evaluated on the same ones.
    """

    family = "transfer"
    whole_batch = True  # every model must be evaluated on the same images, or the cache would be of no use
    surrogate: nn.Module
    attack: Adversary
    cache: Path | None = None

    @property
    def name(self) -> str:
        """Return the name for tables."""
        return f"transfer of {self.attack.name}"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        """Return the adversarial images of the surrogate; see `Adversary`."""
        if self.cache is None:
            return self.attack(self.surrogate, images, labels, seed=seed)
        path = self.cache / f"{self._key(images, labels, seed)}.pt"
        kept = _read(path, images)
        if kept is not None:
            return kept
        found = self.attack(self.surrogate, images, labels, seed=seed)
        self.cache.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            torch.save(found.cpu(), file)
        return found

    def _key(self, images: Tensor, labels: Tensor, seed: int) -> str:
        digest = hashlib.sha256(json.dumps([record_of(self), seed], sort_keys=True).encode())
        digest.update(images.contiguous().cpu().numpy().tobytes())
        digest.update(labels.cpu().numpy().tobytes())
        return digest.hexdigest()[:32]


@ATTACKS.register(
    "transfer",
    facts=AttackFacts(either_norm=True, cost=f"{', '.join(_TRANSFERRED)} on the surrogate", in_expectation=True),
)
def _table_6(
    *, surrogate: nn.Module | None, cache: Path | None, norm: str, epsilon: float, step_size: float, rate: float
) -> tuple[Transfer, ...]:
    if surrogate is None:
        raise AttackError("The attack transfer needs a second model: add --surrogate CHECKPOINT.", "transfer")
    sizes = {"norm": norm, "epsilon": epsilon, "step_size": step_size, "rate": rate, "draws": 1}
    entries = [ATTACKS[name] for name in _TRANSFERRED]
    made = [entry.build({knob: each.default for knob, each in entry.knobs.items()}, **sizes) for entry in entries]
    return tuple(Transfer(surrogate=surrogate, attack=attack, cache=cache) for attack in made)


def _read(path: Path, images: Tensor) -> Tensor | None:
    """Return the kept images, or None if there are none or the file is damaged: they can be made again."""
    try:
        kept = torch.load(path, map_location=images.device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return kept if isinstance(kept, Tensor) and kept.shape == images.shape else None


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanPath(OtherModel):
    """Runs `attack` on the latent mean of a model that is evaluated with sampled latents.

    Sampling hides gradients that the latent mean shows. A model without a mean path (one that is not randomised) is
    attacked directly.
    """

    family = "mean_path"
    attack: Adversary

    @property
    def name(self) -> str:
        """Return the name for tables."""
        return f"{self.attack.name} on the mean path"

    @property
    def whole_batch(self) -> bool:
        """Return the attack's own value."""
        return self.attack.whole_batch

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return the adversarial images of the deterministic model; see `Adversary`."""
        mean = getattr(model, "mean_path", model)
        return self.attack(mean, images, labels, seed=seed)
