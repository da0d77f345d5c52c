"""An attack from outside the project, named `module:attribute` or registered by a module of a user.

A function that asks for `images` is the attack itself: it returns the adversarial images. Anything else is called once
to build the attack, with its knobs and the sizes of the evaluation, and what it returns is called with the images. Both
are given what they ask for by the names of their parameters.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, distances, edge_of
from training.attacks.facts import AttackFacts
from training.attacks.pgd import frozen
from training.compute.random_streams import preserved_randomness, seed_generators
from training.compute.untouched_model import ModelChangedError, untouched
from training.config.fields import like
from training.outside_code import file_of, is_outside, line_of
from training.outside_sources import source_hash
from training.registry import ATTACKS
from training.registry_entry import Entry

_SIZES = ("norm", "epsilon", "step_size", "rate", "classes", "draws")
_OF_THE_CALL = ("model", "images", "labels", "generator", "seed")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideAttack:
    """One attack from outside with its parameters, as the evaluation calls it.

    `radius` is that of the ball, or of the evaluation if the attack is not `bounded`. `source` is the hash of its code.
    The model and the images that it is given stay as they were: it gets copies of the images, and a model in eval mode
    without gradients of the weights.
    """

    attack: str
    parameters: tuple[tuple[str, Any], ...]
    norm: str
    bounded: bool
    radius: float
    sizes: tuple[tuple[str, Any], ...]
    source: str
    family = "outside"
    # What happens for one image may depend on the others.
    whole_batch = True

    @property
    def name(self) -> str:
        """Return the name for tables: the attack and its parameters."""
        inside = ", ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in self.parameters
        )
        return f"{self.attack}({inside})" if inside else self.attack

    @property
    def epsilon(self) -> float:
        """Return the radius of the ball; infinity if nothing bounds the distance."""
        return self.radius if self.bounded else math.inf

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`. Raise AttackError if it fails, or returns something else."""
        entry = with_knobs(ATTACKS[self.attack])
        with frozen(model), _kept(model, self.attack), preserved_randomness(images.device), torch.enable_grad():
            seed_generators(seed)
            given = {
                "model": model,
                "images": images.clone(),
                "labels": labels.clone(),
                "generator": torch.Generator(images.device).manual_seed(seed),
                "seed": seed,
            }
            try:
                found = self._run(entry, given)
            except (Exception, SystemExit) as error:
                if isinstance(error, AttackError):
                    raise
                reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
                where = line_of(error, entry.target.__module__)
                raise AttackError(f"{where}: {self.name} failed ({reason}).", self.attack) from error
        return self._sound(entry, images, found)

    def _run(self, entry: Entry, given: Mapping[str, Any]) -> Any:
        offered = {**dict(self.sizes), **given}
        parameters = dict(self.parameters)
        if _is_attack(entry.target):
            return entry.build(parameters, **offered)
        built = _built(entry, parameters, dict(self.sizes))
        asked = signature(built).parameters
        return built(**{name: value for name, value in offered.items() if name in asked})

    def _sound(self, entry: Entry, images: Tensor, found: Any) -> Tensor:
        """Return the images that the attack has found. Raise AttackError unless they are ones, and in the ball."""
        wrong = _fault(self, images, found)
        if wrong is not None:
            place = file_of(entry.target.__module__)
            raise AttackError(f"{place}: {self.name} {wrong}.", self.attack)
        final: Tensor = found.detach().to(images.device, torch.float32).contiguous()
        return final


def with_knobs(entry: Entry) -> Entry:
    """Return an entry whose knobs are the parameters with a default, if nobody has registered what it names."""
    if not is_outside(entry.name):
        return entry
    with_default = [each for each in signature(entry.target).parameters.values() if each.default is not each.empty]
    return replace(entry, knobs={e.name: like(e.default) for e in with_default if e.name not in ATTACKS.offers})


def attack_from_outside(
    text: str, entry: Entry, facts: AttackFacts, parameters: Mapping[str, Any], sizes: Mapping[str, Any]
) -> OutsideAttack:
    """Return the attack that a user has named, once it is clear that it can be called. Raise AttackError if not."""
    attack = OutsideAttack(
        attack=entry.name,
        parameters=tuple(parameters.items()),
        norm=facts.norm_in(sizes["norm"]),
        bounded=facts.bounded,
        radius=sizes["epsilon"],
        sizes=tuple((name, sizes[name]) for name in _SIZES),
        source=source_hash(entry.target.__module__.partition(".")[0]),
    )
    if not _is_attack(entry.target):
        _require_callable(text, entry, _built(entry, parameters, dict(attack.sizes)))
    return attack


@contextmanager
def _kept(model: nn.Module, attack: str) -> Iterator[None]:
    """Run an attack. Raise AttackError if it has changed the model, which is put back."""
    try:
        with untouched(model):
            yield
    except ModelChangedError as error:
        rule = "must leave it as it is: no optimiser step, and no train()"
        raise AttackError(f"{attack} changed {error} of the model, but {rule}.", attack) from error


def _is_attack(target: Callable[..., Any]) -> bool:
    return "images" in signature(target).parameters


def _built(entry: Entry, parameters: Mapping[str, Any], sizes: Mapping[str, Any]) -> Any:
    """Return what a class or function builds. Raise AttackError if it fails."""
    try:
        return entry.build(parameters, **sizes)
    except (Exception, SystemExit) as error:
        where = line_of(error, entry.target.__module__)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise AttackError(f"{where}: the attack {entry.name} cannot be built ({reason}).", entry.name) from error


def _require_callable(text: str, entry: Entry, built: Any) -> None:
    """Raise AttackError unless what was built can be called with the images, and asks for nothing else."""
    place = file_of(entry.target.__module__)
    offered = ", ".join((*_OF_THE_CALL, *_SIZES))
    if not callable(built) or isinstance(built, nn.Module):
        rule = f"asks for no images, and builds a {type(built).__name__}, which is no attack"
        raise AttackError(f"{place}: {entry.name} {rule}; let a function or __call__ take images.", text)
    asked = signature(built).parameters.values()
    needed = [e.name for e in asked if e.default is e.empty and e.kind not in {e.VAR_POSITIONAL, e.VAR_KEYWORD}]
    unknown = [name for name in needed if name not in (*_OF_THE_CALL, *_SIZES)]
    positional = [e.name for e in asked if e.kind is Parameter.POSITIONAL_ONLY]
    if unknown or positional or "images" not in needed:
        what = f"asks for {', '.join(unknown or positional)}" if unknown or positional else "does not ask for images"
        raise AttackError(f"{place}: the attack {entry.name} is called with {offered}, by name, but {what}.", text)


def _fault(attack: OutsideAttack, images: Tensor, found: Any) -> str | None:
    """Return what is wrong with the images that an attack has returned, and the rule; None if nothing is."""
    returned = None
    if not isinstance(found, Tensor):
        returned = type(found).__name__
    elif found.shape != images.shape or not found.is_floating_point():
        returned = f"{tuple(found.shape)} of {found.dtype}"
    elif not found.isfinite().all():
        returned = "pixels that are not finite"
    elif found.min() < 0 or found.max() > 1:
        returned = f"pixels from {found.min():.4g} to {found.max():.4g}"
    if returned is not None:
        rule = f"adversarial images {tuple(images.shape)} of real numbers in [0, 1]"
        return f"returned {returned}, but must return {rule}; .clamp(0, 1) keeps the range"
    farthest = distances(images, found.detach().to(images.device), attack.norm).max().item()
    if farthest > edge_of(attack.epsilon):
        way = "register it with AttackFacts(bounded=False) if nothing bounds it"
        return f"moved an image by {farthest:.4g} in {attack.norm}, but must stay within {attack.epsilon:.4g}; {way}"
    return None
