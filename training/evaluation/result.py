"""The result of an evaluation in plain values: for each attack, for all of them together, and the warning signs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.attacks.adversary import ROUNDING, edge_of
from training.metrics.interval import interval_of
from training.norms import LINF


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

    `natural` says for each image whether it is correct when clean. `epsilon` is the radius of the worst-case accuracy,
    in `norm`.
    """

    suite: str
    epsilon: float
    natural: tuple[bool, ...] = field(repr=False)
    attacks: tuple[AttackResult, ...]
    warnings: tuple[WarningSign, ...]
    record: dict[str, Any]
    zero_gradients: int = 0
    norm: str = LINF

    @property
    def natural_accuracy(self) -> float:
        """Return the accuracy on clean images, in [0, 1]."""
        return sum(self.natural) / len(self.natural)

    @property
    def worst_case_accuracy(self) -> float:
        """Return the share of images that are correct under every attack in the ball of `epsilon`; see `union`."""
        return sum(self._worst_case) / len(self.natural)

    @property
    def _worst_case(self) -> list[bool]:
        return self.robust_within(self.epsilon)

    def robust_within(self, radius: float) -> list[bool]:
        """Return for each image whether it is correct when clean and under all attacks within `radius`."""
        return union(self.natural, self.attacks, radius, self.norm)

    def accuracy_within(self, radius: float) -> float:
        """Return the share of images that `robust_within` finds robust."""
        return sum(self.robust_within(radius)) / len(self.natural)

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return pairs (epsilon, worst-case accuracy), with epsilon rising from 0."""
        radii = sorted({result.epsilon for result in self.attacks if result.curve})
        return tuple((radius, self.accuracy_within(radius)) for radius in (0.0, *radii))

    @property
    def radii(self) -> list[float]:
        """Return the radii of the attacks in the norm of the evaluation, without the curve, rising."""
        inside = [r for r in self.attacks if r.norm == self.norm and not r.curve and math.isfinite(r.epsilon)]
        return sorted({result.epsilon for result in inside})

    def accuracies(self) -> dict[str, float]:
        """Return the accuracy of each attack by key, a row of Table 4: cascades as a whole, without the curve."""
        return {r.key: r.accuracy for r in self.attacks if not r.curve and r.part_of is None}

    def to_mapping(self) -> dict[str, Any]:
        """Return the evaluation as plain values for JSON."""
        return {
            **self.record,
            "suite": self.suite,
            "images": len(self.natural),
            "norm": self.norm,
            "epsilon": self.epsilon,
            "natural_accuracy": self.natural_accuracy,
            "natural_interval_95": list(interval_of(sum(self.natural), len(self.natural))),
            "worst_case_accuracy": self.worst_case_accuracy,
            "worst_case_interval_95": list(interval_of(sum(self._worst_case), len(self.natural))),
            "worst_case_by_epsilon": {f"{e:.6g}": self.accuracy_within(e) for e in self.radii},
            "attacks": {result.key: result.to_mapping() for result in self.attacks},
            "curve": [list(point) for point in self.curve],
            "zero_gradients": self.zero_gradients,
            "warnings": [asdict(sign) for sign in self.warnings],
        }


def union(natural: Sequence[bool], attacks: Sequence[AttackResult], epsilon: float, norm: str = LINF) -> list[bool]:
    """Return for each image whether it is correct when clean and under all attacks in `norm` of radius <= `epsilon`.

    Attacks with a smaller radius count because a smaller ball lies within a larger one. Of an attack without a bound
    those images count that it broke within `epsilon`.
    """
    robust = list(natural)
    for attack in attacks:
        if attack.norm != norm:
            continue
        if attack.epsilon <= epsilon + ROUNDING:
            robust = [a and b for a, b in zip(robust, attack.robust, strict=True)]
        elif math.isinf(attack.epsilon):
            robust = [a and b for a, b in zip(robust, _robust_within(natural, attack, epsilon), strict=True)]
    return robust


def _robust_within(natural: Sequence[bool], attack: AttackResult, epsilon: float) -> list[bool]:
    """Return for each image whether an attack without a bound left it correct, or moved it farther than `epsilon`.

    The distances are those of the broken images, in their order.
    """
    lengths = iter(attack.distances)
    broken = [right and not robust for right, robust in zip(natural, attack.robust, strict=True)]
    return [not (each and next(lengths) <= edge_of(epsilon)) for each in broken]
