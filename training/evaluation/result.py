"""What an evaluation found, in plain values: per attack, in union, and the warning signs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.attacks.adversary import ROUNDING


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackResult:
    """One attack's figures. `robust` is per image: right when clean and right under this attack.

    `distances` are those of the images that it broke, in its norm. `part_of` names the cascade whose member it
    is: such a member has met only what the members before it left correct. `curve`: it is a point of robust
    accuracy against epsilon.
    """

    key: str
    name: str
    family: str
    norm: str
    epsilon: float
    robust: tuple[bool, ...] = field(repr=False)
    distances: tuple[float, ...] = field(repr=False)
    parameters: dict[str, Any] = field(repr=False)
    part_of: str | None = None
    curve: bool = False

    @property
    def accuracy(self) -> float:
        """Return robust / all images, in [0, 1]."""
        return sum(self.robust) / len(self.robust)

    @property
    def steps(self) -> int:
        """Return the number of steps, 0 for attacks without."""
        return int(self.parameters.get("steps", 0))

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON; distances as mean and median of the broken images, in the attack's norm."""
        return {
            "name": self.name,
            "family": self.family,
            "norm": self.norm,
            "epsilon": self.epsilon if math.isfinite(self.epsilon) else None,
            "accuracy": self.accuracy,
            "correct": sum(self.robust),
            "broken": len(self.distances),
            "mean_distance": statistics.fmean(self.distances) if self.distances else None,
            "median_distance": statistics.median(self.distances) if self.distances else None,
            "part_of": self.part_of,
            "curve": self.curve,
            "parameters": self.parameters,
        }


@dataclass(frozen=True, slots=True)
class WarningSign:
    """A reason not to trust the figures: a short `code` and a sentence with the figures behind it."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """One model on one set of images. `natural` is per image: right when clean. `epsilon` is the headline's."""

    suite: str
    epsilon: float
    natural: tuple[bool, ...] = field(repr=False)
    attacks: tuple[AttackResult, ...]
    signs: tuple[WarningSign, ...]
    record: dict[str, Any]
    zero_gradients: int = 0

    @property
    def natural_accuracy(self) -> float:
        """Return the accuracy on clean images, in [0, 1]."""
        return sum(self.natural) / len(self.natural)

    @property
    def worst_case_accuracy(self) -> float:
        """Return the share of images that every attack within the headline's l-infinity ball left right."""
        return union_accuracy(self.natural, self.attacks, self.epsilon)

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return (epsilon, accuracy), epsilon rising from 0: the union over what lies within each radius."""
        radii = sorted({result.epsilon for result in self.attacks if result.curve})
        return tuple((radius, union_accuracy(self.natural, self.attacks, radius)) for radius in (0.0, *radii))

    def accuracies(self) -> dict[str, float]:
        """Return each attack's accuracy by key, cascades as a whole, without the curve: a row of Table 4."""
        return {r.key: r.accuracy for r in self.attacks if not r.curve and r.part_of is None}

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        radii = sorted({r.epsilon for r in self.attacks if r.norm == "linf" and not r.curve})
        return {
            **self.record,
            "suite": self.suite,
            "images": len(self.natural),
            "epsilon": self.epsilon,
            "natural_accuracy": self.natural_accuracy,
            "worst_case_accuracy": self.worst_case_accuracy,
            "worst_case_by_epsilon": {f"{e:.6g}": union_accuracy(self.natural, self.attacks, e) for e in radii},
            "attacks": {result.key: result.to_mapping() for result in self.attacks},
            "curve": [list(point) for point in self.curve],
            "zero_gradients": self.zero_gradients,
            "warnings": [asdict(sign) for sign in self.signs],
        }


def union(natural: Sequence[bool], attacks: Sequence[AttackResult], epsilon: float) -> list[bool]:
    """Return per image: right when clean and under every l-infinity attack of radius `epsilon` or less.

    A smaller ball lies within a larger one, so that what breaks an image there counts here too.
    """
    robust = list(natural)
    for attack in attacks:
        if attack.norm == "linf" and attack.epsilon <= epsilon + ROUNDING:
            robust = [a and b for a, b in zip(robust, attack.robust, strict=True)]
    return robust


def union_accuracy(natural: Sequence[bool], attacks: Sequence[AttackResult], epsilon: float) -> float:
    """Return the accuracy of `union`."""
    return sum(union(natural, attacks, epsilon)) / len(natural)
