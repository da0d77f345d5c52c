"""From the text of a user, such as `pgd(steps=50, restarts=3)`, to attacks that can run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields, replace
from inspect import signature
from pathlib import Path
from typing import Any

from torch import nn

from training.attacks.adversary import Adversary, AttackError, require_epsilon
from training.attacks.call_text import Value, parse_call
from training.attacks.facts import AttackFacts
from training.attacks.from_outside import attack_from_outside, with_knobs
from training.attacks.from_torchattacks import PREFIX, parse_torchattack
from training.attacks.transfer import MeanPath
from training.config.fields import positive, share_above_zero
from training.nearest_names import did_you_mean
from training.norms import L2, LINF
from training.outside_code import PlugInError
from training.registry import ATTACKS
from training.registry_entry import Entry

_TORCHATTACKS = AttackFacts()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The sizes of the attacks on one data set: radius and step size of PGD, rate of C&W, number of classes.

    `norm` is that of the balls. `draws` is the number of draws of the latent per gradient. `surrogate`, a second model,
    and the folder `cache` are for transfer attacks. `dimensions` is the number of values of an image, if it is known:
    two images are at most its square root apart in l2.
    """

    epsilon: float
    step_size: float
    rate: float
    classes: int
    norm: str = LINF
    draws: int = 1
    surrogate: nn.Module | None = None
    cache: Path | None = None
    dimensions: int | None = None

    def resized(self, epsilon: float) -> "Scale":
        """Return the scale for another radius, with the step size in proportion.

        Raise AttackError unless `epsilon` is above 0 and at most the distance that two images can have.
        """
        require_epsilon(epsilon, self.norm)
        if epsilon == 0:
            raise AttackError("epsilon is 0, but must be above 0; the accuracy at 0 is the natural one.", "epsilon")
        if self.norm == L2 and self.dimensions is not None and epsilon > math.sqrt(self.dimensions):
            raise AttackError(
                f"epsilon is {epsilon:g}, but must be at most {math.sqrt(self.dimensions):.4g}: no two images of"
                f" {self.dimensions:,} values in [0, 1] are farther apart in l2. If you mean {epsilon:g}/255, write"
                f" {epsilon / 255:.4f}.",
                "epsilon",
            )
        step_size = self.step_size * epsilon / self.epsilon if self.epsilon else epsilon / 8
        return replace(self, epsilon=epsilon, step_size=step_size)


def facts_of(text: str) -> AttackFacts:
    """Return the facts of the attack that a text names, those of an attack in the ball if it does not say any."""
    name, _ = parse_call(text)
    return _TORCHATTACKS if name.startswith(PREFIX) else _facts(_entry(name))


def attacks_of(text: str, scale: Scale, *, sampled: bool = False) -> list[Adversary]:
    """Return the attacks that a text names, mostly one; with `sampled` latents as they must run there.

    Raise AttackError if the name or a parameter is unknown or wrong.
    """
    built, facts = _built(text, scale), facts_of(text)
    if not sampled or facts.in_expectation:
        return built
    beside = _built(facts.beside_mean_path, scale) if facts.beside_mean_path else []
    return [*beside, *(MeanPath(attack=attack) for attack in built)]


def attack_help() -> str:
    """Return the list of all attacks for a user: norm, passes through the network for each image, parameters."""
    width = max(map(len, ATTACKS))
    lines = []
    for name in ATTACKS:
        entry, facts = ATTACKS[name], ATTACKS[name].facts or AttackFacts()
        knobs = ", ".join(f"{knob}={each.default}" for knob, each in entry.knobs.items())
        bound = facts.norms if facts.bounded else f"{facts.norms}, no bound"
        sources = dict.fromkeys(each.metadata.get("source") for each in entry.knobs.values())
        said = f" ({', '.join(filter(None, sources))})" if any(sources) else ""
        lines.append(f"  {name:<{width}}  {bound}; {facts.cost}" + (f"; {knobs}{said}" if knobs else ""))
    return "\n".join(
        [
            "The attacks of --attacks: norm; passes for each image (g forward and backward, f forward); parameters.",
            *lines,
            "A parameter is given as in 'pgd(steps=50, epsilon=8/255)'. Those of torchattacks have names such as",
            f"'{PREFIX}PGD(eps=8/255, steps=20)', your own 'my_attack:Name(steps=5)'.",
        ]
    )


def _built(text: str, scale: Scale) -> list[Adversary]:
    name, given = parse_call(text)
    if name.startswith(PREFIX):
        return [parse_torchattack(text, scale.epsilon, scale.norm)]
    entry = _entry(name)
    facts = _facts(entry)
    if facts.least_classes > scale.classes:
        rule = f"needs {facts.least_classes} classes, but there are {scale.classes}; leave it out"
        raise AttackError(f"The attack {text} {rule}.", text)
    sizes, knobs = _read(text, entry, {**_size_fields(facts.norm_in(scale.norm)), **entry.knobs}, given)
    offered = _offered(_resized(scale, sizes))
    if facts.bounded and facts.norm_in(scale.norm) != scale.norm and "epsilon" not in sizes:
        way = "give it a radius of its own, as epsilon=0.5" if _asks(entry, "epsilon") else "leave it out"
        raise AttackError(
            f"The attack {text} is bounded in {facts.norm}, but the evaluation in {scale.norm}: {way}.", text
        )
    if not entry.is_own:
        return [attack_from_outside(text, entry, facts, knobs, offered)]
    found = entry.build(knobs, **offered)
    return list(found) if isinstance(found, Sequence) else [found]


def _entry(name: str) -> Entry:
    """Return what is registered under a name, or named `module:attribute`. Raise AttackError if there is nothing."""
    try:
        entry = ATTACKS[name]
    except PlugInError as error:
        raise AttackError(f"The attack is {name!r}, but {error}", name) from error
    except KeyError:
        hint = did_you_mean(name, ATTACKS, most=2)
        known = f"{', '.join(ATTACKS)}, {PREFIX}NAME, or MODULE:NAME of your own"
        raise AttackError(f"There is no attack {name!r}: {hint or f'the attacks are {known}.'}", name) from None
    return with_knobs(entry)


def _facts(entry: Entry) -> AttackFacts:
    """Return the facts of an attack. One from outside that says none attacks in either norm if it asks for the norm."""
    return entry.facts or AttackFacts(either_norm="norm" in signature(entry.target).parameters)


def _size_fields(norm: str) -> dict[str, Field[Any]]:
    """Return the fields of the sizes that a user may give to one attack. Their defaults are the evaluation's."""
    radius = positive(1.0) if norm == L2 else share_above_zero(1.0)
    return {"epsilon": radius, "step_size": positive(1.0), "rate": positive(1.0)}


def _read(
    text: str, entry: Entry, known: Mapping[str, Field[Any]], given: Mapping[str, Value]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the sizes and the knobs of one attack, the knobs with their defaults. Raise AttackError for a fault."""
    usable = {name: each for name, each in known.items() if name in entry.knobs or _asks(entry, name)}
    for name in given:
        if name not in usable:
            hint = did_you_mean(name, usable, most=1) or f"it has {', '.join(usable) or 'none'}."
            raise AttackError(f"The attack {text} has no parameter {name}: {hint}", text)
    read = {}
    for name, value in given.items():
        try:
            read[name] = usable[name].metadata["rule"].read(value)
        except ValueError as error:
            raise AttackError(f"The attack {text}: {name}: {error}.", text) from error
    knobs = {name: read.get(name, each.default) for name, each in entry.knobs.items()}
    return {name: value for name, value in read.items() if name not in entry.knobs}, knobs


def _asks(entry: Entry, name: str) -> bool:
    """Return whether a size has a use. The class of an attack from outside may ask for it only when it is called."""
    return name in signature(entry.target).parameters or (not entry.is_own and name == "epsilon")


def _resized(scale: Scale, sizes: Mapping[str, Any]) -> Scale:
    """Return the scale with the sizes of one attack. Another radius has a step size in proportion, unless it is given.

    The radius of an l2 ball may be above 1.
    """
    if "epsilon" not in sizes:
        return replace(scale, **sizes)
    ratio = sizes["epsilon"] / scale.epsilon if scale.epsilon else 1
    return replace(scale, **{"step_size": scale.step_size * ratio, **sizes})


def _offered(scale: Scale) -> dict[str, Any]:
    return {each.name: getattr(scale, each.name) for each in fields(scale)}
