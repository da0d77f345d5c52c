"""The result of an evaluation in plain values: for each attack, for all of them together, and the warning signs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.attacks.adversary import ROUNDING
from training.metrics.interval import interval_of


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackResult:
    """The figures of one attack. `robust` says for each image whether it is correct when clean and under this attack.

    `distances` are those of the images that the attack broke, in its norm. `part_of` is the name of its cascade; a
    member of a cascade runs only on the images that the members before it left correct. `curve` says whether the
    result is a point of the curve of robust accuracy against epsilon.
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
        """Return the share of robust images, in [0, 1]."""
        return sum(self.robust) / len(self.robust)

    @property
    def steps(self) -> int:
        """Return the number of steps, or 0 if the attack has no steps."""
        return int(self.parameters.get("steps", 0))

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON; the distances become the mean and the median over the broken images."""
        return {
            "name": self.name,
            "family": self.family,
            "norm": self.norm,
            "epsilon": self.epsilon if math.isfinite(self.epsilon) else None,
            "accuracy": self.accuracy,
            "interval_95": list(interval_of(sum(self.robust), len(self.robust))),
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
    """A reason not to trust the figures: a short `code` and a `message` with the figures that show it."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The result for one model on one set of images.

    `natural` says for each image whether it is correct when clean. `epsilon` is the radius of the worst-case accuracy.
    """

    suite: str
    epsilon: float
    natural: tuple[bool, ...] = field(repr=False)
    attacks: tuple[AttackResult, ...]
    warnings: tuple[WarningSign, ...]
    record: dict[str, Any]
    zero_gradients: int = 0

    @property
    def natural_accuracy(self) -> float:
        """Return the accuracy on clean images, in [0, 1]."""
        return sum(self.natural) / len(self.natural)

    @property
    def worst_case_accuracy(self) -> float:
        """Return the share of images that are correct under every attack in the l-infinity ball of `epsilon`."""
        return sum(self._worst_case) / len(self.natural)

    @property
    def _worst_case(self) -> list[bool]:
        return union(self.natural, self.attacks, self.epsilon)

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return pairs (epsilon, worst-case accuracy), with epsilon rising from 0."""
        radii = sorted({result.epsilon for result in self.attacks if result.curve})
        return tuple((radius, union_accuracy(self.natural, self.attacks, radius)) for radius in (0.0, *radii))

    def accuracies(self) -> dict[str, float]:
        """Return the accuracy of each attack by key, a row of Table 4: cascades as a whole, without the curve."""
        return {r.key: r.accuracy for r in self.attacks if not r.curve and r.part_of is None}

    def to_mapping(self) -> dict[str, Any]:
        """Return the evaluation as plain values for JSON."""
        radii = sorted({r.epsilon for r in self.attacks if r.norm == "linf" and not r.curve})
        return {
            **self.record,
            "suite": self.suite,
            "images": len(self.natural),
            "epsilon": self.epsilon,
            "natural_accuracy": self.natural_accuracy,
            "natural_interval_95": list(interval_of(sum(self.natural), len(self.natural))),
            "worst_case_accuracy": self.worst_case_accuracy,
            "worst_case_interval_95": list(interval_of(sum(self._worst_case), len(self.natural))),
            "worst_case_by_epsilon": {f"{e:.6g}": union_accuracy(self.natural, self.attacks, e) for e in radii},
            "attacks": {result.key: result.to_mapping() for result in self.attacks},
            "curve": [list(point) for point in self.curve],
            "zero_gradients": self.zero_gradients,
            "warnings": [asdict(sign) for sign in self.warnings],
        }


def union(natural: Sequence[bool], attacks: Sequence[AttackResult], epsilon: float) -> list[bool]:
    """Return for each image whether it is correct when clean and under all l-infinity attacks of radius <= `epsilon`.

    Attacks with a smaller radius count because a smaller ball lies within a larger one.
    """
    robust = list(natural)
    for attack in attacks:
        if attack.norm == "linf" and attack.epsilon <= epsilon + ROUNDING:
            robust = [a and b for a, b in zip(robust, attack.robust, strict=True)]
    return robust


def union_accuracy(natural: Sequence[bool], attacks: Sequence[AttackResult], epsilon: float) -> float:
    """Return the share of images that `union` finds robust."""
    return sum(union(natural, attacks, epsilon)) / len(natural)
