"""What a user asks of a front, and the rules for it: the command line and the Python API have the same ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.config import ACCURACIES, ACCURACY_SUFFIX, is_accuracy, share_fault
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for, in the units of the metrics.

    `minimums` and `maximums`, by metric, are applied to the front first. At most one of `knee`, `max_loss` and `trial`
    may be set. `max_loss` is how much of the best value of one objective may be lost for another (`traded`); `trial` is
    the number of any trial.
    """

    minimums: Mapping[str, float] = field(default_factory=dict)
    maximums: Mapping[str, float] = field(default_factory=dict)
    knee: bool = False
    max_loss: float | None = None
    trial: int | None = None

    @property
    def bounds(self) -> tuple[Objective, ...]:
        """The minimums and maximums in the form of constraints."""
        lower = [Objective(name, maximise=True, limit=value) for name, value in self.minimums.items()]
        return (*lower, *(Objective(name, maximise=False, limit=value) for name, value in self.maximums.items()))


def traded(objectives: Sequence[Objective]) -> tuple[Objective, Objective]:
    """Return the objective of which `max_loss` may be lost, and the one that is best then: of two or more objectives.

    The first is the natural accuracy, or else the first objective; the second is the last of the other accuracies, or
    else the last of the others.
    """
    given = next((o for o in objectives if o.name == ACCURACIES[0]), objectives[0])
    others = [objective for objective in objectives if objective is not given]
    robust = [objective for objective in others if objective.name.endswith(ACCURACY_SUFFIX)]
    return given, (robust or others)[-1]


def max_loss_fault(objectives: Sequence[Objective], max_loss: float) -> str | None:
    """Return why this much cannot be lost of one objective for another, or None if it can."""
    if len(objectives) == 1:
        return f"it trades two objectives, but the search has only {objectives[0].name}"
    is_share = is_accuracy(traded(objectives)[0].name)
    if 0 <= max_loss < (1.0 if is_share else math.inf):
        return None
    return f"it must be {'a share of at least 0 and below 1: 0.01 is one point' if is_share else 'at least 0'}"


def metric_fault(data: FrontData, metric: str, *, maximise: bool, other: str) -> str | None:
    """Return why a front cannot have a minimum (`maximise`) or a maximum of a metric, or None if it can.

    It can be of an objective with this direction, and of what a constraint limits. `other` is what has the bounds of
    the other direction.
    """
    if metric not in data.metric_names:
        return f"the metrics of this search are {', '.join(data.metric_names)}"
    if any(objective.name == metric and objective.maximise is not maximise for objective in data.objectives):
        way = "minimised" if maximise else "maximised"
        return f"{metric} is {way}, so this would keep its worst trials; use {other}"
    return None


def bound_fault(metric: str, bound: float) -> str | None:
    """Return why a metric cannot have this value as a bound, or None if it can."""
    return share_fault(metric, bound) if math.isfinite(bound) else "the bound must be finite, such as 0.8"
