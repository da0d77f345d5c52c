"""A suite as it is run: cascades taken apart into members, each of which meets what those before it left correct."""

import math
from dataclasses import dataclass

from training.attacks import Adversary, Apgd, AttackError, Cascade
from training.attacks.adversary import record_of
from training.evaluation.latent import LatentMode
from training.evaluation.result import AttackResult
from training.evaluation.suite import Suite


@dataclass(frozen=True, slots=True)
class AttackRun:
    """One attack as it is run: alone, as the member of a cascade that meets what `after` left, or for the curve."""

    key: str
    adversary: Adversary
    part_of: str | None = None
    after: str | None = None
    curve: bool = False


def attack_runs_of(suite: Suite, mode: LatentMode) -> list[AttackRun]:
    """Take cascades apart, and give every attack a key.

    Raise AttackError if two attacks are the same, or a cascade cannot be run in the mode.
    """
    units = [unit for attack in suite.attacks for unit in _parts(attack, mode)]
    units += [AttackRun(f"curve {key_of(attack)}", attack, curve=True) for attack in suite.curve]
    keys = [unit.key for unit in units]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise AttackError(f"The suite has {', '.join(sorted(twice))} twice, but an attack must be in it once.")
    return units


def _parts(attack: Adversary, mode: LatentMode) -> list[AttackRun]:
    key = key_of(attack)
    # The naive protocol judges the images that a whole cascade returns.
    if not isinstance(attack, Cascade) or mode.name == "naive":
        return [AttackRun(key, attack)]
    if mode.name == "sampled" and not all(isinstance(m, Apgd) and m.draws > 1 for m in attack.members):
        raise AttackError(
            f"{attack.name} is for deterministic models, and sampled latents fool it: evaluate the latent mean,"
            " or use auto_attack(version='rand') and MeanPath(attack=auto_attack(...))."
        )
    names = [f"{key}: {member.name}" for member in attack.members]
    return [
        AttackRun(name, member, part_of=key, after=before)
        for name, member, before in zip(names, attack.members, [None, *names], strict=False)
    ]


def key_of(attack: Adversary) -> str:
    """Return name, norm and radius: what tells one row of a table from another."""
    radius = "" if math.isinf(attack.epsilon) else f" {attack.epsilon:.4g}"
    return f"{attack.name}, {attack.norm}{radius}"


def with_cascade_results(results: list[AttackResult], suite: Suite) -> list[AttackResult]:
    """Put before the members of each cascade its own result: that of its last member, with all that were broken."""
    cascades = {key_of(attack): attack for attack in suite.attacks if isinstance(attack, Cascade)}
    found: list[AttackResult] = []
    for result in results:
        if result.part_of is not None and result.part_of not in {done.key for done in found}:
            members = [member for member in results if member.part_of == result.part_of]
            cascade = cascades[result.part_of]
            found.append(
                AttackResult(
                    key=result.part_of,
                    name=cascade.name,
                    family=cascade.family,
                    norm=cascade.norm,
                    epsilon=cascade.epsilon,
                    robust=members[-1].robust,
                    distances=tuple(length for member in members for length in member.distances),
                    parameters=record_of(cascade),
                )
            )
        found.append(result)
    return found
