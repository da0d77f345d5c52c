"""The single attack runs of a suite: each member of a cascade runs on the images that are still correct."""

import math
from dataclasses import dataclass

from training.attacks import Adversary, Apgd, AttackError, Cascade
from training.attacks.adversary import record_of
from training.evaluation.latent import LatentMode
from training.evaluation.result import AttackResult
from training.evaluation.suite import Suite


@dataclass(frozen=True, slots=True)
class AttackRun:
    """One run of an attack: alone, as a member of the cascade `part_of` or, with `curve`, for the accuracy curve.

    A member of a cascade attacks only the images that are still correct after the run with the key `after`.
    """

    key: str
    adversary: Adversary
    part_of: str | None = None
    after: str | None = None
    curve: bool = False


def attack_runs_of(suite: Suite, mode: LatentMode) -> list[AttackRun]:
    """Return the runs of a suite, with cascades split into their members and a key for each run.

    Raise AttackError if two attacks are the same, or if a cascade cannot run in the latent mode.
    """
    runs = [run for attack in suite.attacks for run in _parts(attack, mode)]
    runs += [AttackRun(f"curve {key_of(attack)}", attack, curve=True) for attack in suite.curve]
    keys = [run.key for run in runs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        named = ", ".join(sorted(twice))
        raise AttackError(f"The suite has {named} twice, but may have each attack only once; remove one.", named)
    return runs


def _parts(attack: Adversary, mode: LatentMode) -> list[AttackRun]:
    key = key_of(attack)
    # The naive protocol evaluates the images that the whole cascade returns.
    if not isinstance(attack, Cascade) or mode.name == "naive":
        return [AttackRun(key, attack)]
    if mode.name == "sampled" and not all(isinstance(m, Apgd) and m.draws > 1 for m in attack.members):
        raise AttackError(
            f"{attack.name} is for deterministic models; sampled latents would fool it. Evaluate the latent mean,"
            " or use auto_attack(version='rand') and MeanPath(attack=auto_attack(...)).",
            attack.name,
        )
    names = [f"{key}: {member.name}" for member in attack.members]
    return [
        AttackRun(name, member, part_of=key, after=before)
        for name, member, before in zip(names, attack.members, [None, *names], strict=False)
    ]


def key_of(attack: Adversary) -> str:
    """Return the key of an attack, which identifies its row in a table: name, norm and radius."""
    radius = "" if math.isinf(attack.epsilon) else f" {attack.epsilon:.4g}"
    return f"{attack.name}, {attack.norm}{radius}"


def with_cascade_results(results: list[AttackResult], suite: Suite) -> list[AttackResult]:
    """Insert the result of each cascade before its members.

    The robust images are those of its last member, and the distances are those of all members.
    """
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
