"""The choice of a user from a front: trials with minimums, the knee, the most robust trial, or a trial by number.

Each choice comes with sentences that say why, or what would have been nearest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from training.config import is_accuracy
from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective, as_losses, within_limits
from tuner.pareto.select import least_short, within
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.text import ABBREVIATIONS, count_of, format_metric, metric_with_unit, to_shown_unit

_ENDED = {
    Outcome.RUNNING: "is still running",
    Outcome.INTERRUPTED: "was interrupted",
    Outcome.COMPLETED: "ended with a value that is not finite",
    Outcome.STOPPED: "was stopped",
    Outcome.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for, in the units of the metrics.

    `minimums` are applied to the front first. At most one of `knee`, `max_loss` and `trial` may be set. `max_loss` is
    how much of the best value of the first objective may be lost; `trial` is the number of any trial.
    """

    minimums: Mapping[str, float] = field(default_factory=dict)
    knee: bool = False
    max_loss: float | None = None
    trial: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen trials, best first in the first objective, and the sentences that say why these."""

    trials: tuple[CompletedTrial, ...]
    reasons: tuple[str, ...] = ()


def choose(data: FrontData, wish: Wish) -> Selection:
    """Return a choice among the completed trials of a search; without a wish the whole front.

    If objectives have limits, only trials within them are chosen, except a trial by its number.
    """
    if wish.trial is not None:
        return _by_number(data, wish.trial)
    if not data.front:
        return Selection((), ("No trial has completed yet, so there is no front to choose from.",))
    return Selection(data.front) if wish == Wish() else _from_front(data, wish)


def _from_front(data: FrontData, wish: Wish) -> Selection:
    allowed = tuple(point for point in data.front if within_limits(point.metrics, data.objectives))
    if not allowed:
        return Selection((), (f"No trial of the front is within the limits of the search ({_limits(data)}).",))
    meeting = tuple(point for point in allowed if not _lacking(point, wish.minimums))
    if not meeting:
        return Selection((), (_nearest(allowed, data, wish.minimums),))
    reasons = (_met(data, meeting, wish.minimums),) if wish.minimums or _limits(data) else ()
    if wish.max_loss is not None:
        return _most_robust(data.objectives, meeting, wish.max_loss, reasons)
    if wish.knee:
        return _knee(data, meeting, reasons)
    return Selection(meeting, reasons)


def _met(data: FrontData, meeting: Sequence[CompletedTrial], minimums: Mapping[str, float]) -> str:
    limits = _limits(data)
    wanted = " and ".join([*([f"within the limits of the search ({limits})"] if limits else []), *_at_least(minimums)])
    kept = f"{len(meeting)} of the {len(data.front)} trials" if len(data.front) > 1 else "the only trial"
    return f"{wanted[0].upper()}{wanted[1:]}: {kept} on the front."


def _at_least(minimums: Mapping[str, float]) -> list[str]:
    return [f"at least {' and '.join(metric_with_unit(*item) for item in minimums.items())}"] if minimums else []


def _limits(data: FrontData) -> str:
    """Return the limits of the space as text; an empty text without limits."""
    return " and ".join(
        f"at {'least' if objective.maximise else 'most'} {metric_with_unit(objective.name, objective.limit)}"
        for objective in data.objectives
        if objective.limit is not None
    )


def _lacking(point: CompletedTrial, minimums: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each metric misses its minimum; a metric that prints like its minimum does not miss it."""
    return {
        name: minimum - point.metrics[name]
        for name, minimum in minimums.items()
        if point.metrics[name] < minimum and format_metric(name, point.metrics[name]) != format_metric(name, minimum)
    }


def _nearest(allowed: Sequence[CompletedTrial], data: FrontData, minimums: Mapping[str, float]) -> str:
    values = np.array([[point.metrics[name] for name in minimums] for point in allowed])
    nearest = allowed[least_short(values, np.array(list(minimums.values())))]
    limits = f" within the limits of the search ({_limits(data)})" if _limits(data) else ""
    wanted = " and ".join(f"at least {metric_with_unit(name, value)}" for name, value in minimums.items())
    missing = " and ".join(
        f"{_points(name, lack)} of {_noun(name)}" for name, lack in _lacking(nearest, minimums).items()
    )
    return (
        f"No trial of the front{limits} has {wanted}. The nearest is trial {nearest.number} "
        f"({_accuracies(data.objectives, nearest)}), which lacks {missing}."
    )


def _most_robust(
    objectives: Sequence[Objective], candidates: Sequence[CompletedTrial], max_loss: float, reasons: tuple[str, ...]
) -> Selection:
    first, last = objectives[0], objectives[-1]
    losses = as_losses([point.metrics for point in candidates], objectives)
    near = within(losses[:, 0], max_loss)
    chosen = candidates[int(near[losses[near, -1].argmin()])]
    best = candidates[int(losses[:, 0].argmin())]
    top = f"best {_noun(first.name)}{' among those' if reasons else ''}, {_value(first.name, best)}"
    near_it = f"within {_points(first.name, max_loss)} of"
    if len(candidates) == 1:
        return Selection((best,), (*reasons, f"Trial {best.number} is the only one to choose from."))
    if len(near) == 1:
        others = "no other of them" if reasons else "no other trial of the front"
        return Selection((best,), (*reasons, f"Trial {best.number} has the {top}, and {others} is {near_it} it."))
    why = (
        f"Trial {chosen.number} has the best {_noun(last.name)}, {_value(last.name, chosen)}, of the "
        f"{len(near)} trials {near_it} the {top} (trial {best.number})"
    )
    lost = abs(best.metrics[first.name] - chosen.metrics[first.name])
    gained = abs(best.metrics[last.name] - chosen.metrics[last.name])
    against = f": it gives up {_points(first.name, lost)} of it for {_points(last.name, gained)} of {_noun(last.name)}"
    return Selection((chosen,), (*reasons, why + ("." if chosen is best else f"{against}.")))


def _knee(data: FrontData, meeting: Sequence[CompletedTrial], reasons: tuple[str, ...]) -> Selection:
    if data.knee is None:
        few = len({tuple(point.metrics.values()) for point in data.front}) < 3
        what = "A front of fewer than 3 different points" if few else "This front bends nowhere towards the ideal: it"
        return Selection((), (*reasons, f"{what} has no knee: choose by --min, --max-loss or --trial."))
    chosen = tuple(point for point in meeting if point.number == data.knee)
    if not chosen:
        return Selection((), (*reasons, f"The knee of the front, trial {data.knee}, is not among them."))
    where = (
        f"lies farthest from the line between the front's ends (trials {data.front[0].number} and "
        f"{data.front[-1].number})"
        if len(data.objectives) == 2
        else "has the smallest sum of losses"
    )
    knee = f"Trial {data.knee} is the knee, the best compromise"
    return Selection(chosen, (*reasons, f"{knee}: with every objective scaled to the front's extent, it {where}."))


def _by_number(data: FrontData, number: int) -> Selection:
    for point in data.points:
        if point.number == number:
            return Selection((point,), (f"Trial {number} was chosen by its number; {standing(data, point)}.",))
    for trial in data.unfinished:
        if trial.number == number:
            after = f"{_ENDED[trial.outcome]} after {count_of(trial.epochs, 'epoch')}"
            return Selection((), (f"Trial {number} {after} and has no final values. Choose a completed trial.",))
    count = len(data.points) + len(data.unfinished)
    few = {0: "no trial has begun", 1: "the only one is trial 0"}
    known = few.get(count, f"the trials are numbered 0 to {count - 1}")
    return Selection((), (f"There is no trial {number}: {known}.",))


def standing(data: FrontData, point: CompletedTrial) -> str:
    """Say whether a trial is on the front, beyond the limits, or which trial of the front is better."""
    if not within_limits(point.metrics, data.objectives):
        return f"it is beyond the limits of the search ({_limits(data)})"
    if point.on_front:
        return "it is on the front"
    losses = as_losses([point.metrics, *(other.metrics for other in data.front)], data.objectives)
    beats = (losses[1:] <= losses[0]).all(axis=1) & (losses[1:] < losses[0]).any(axis=1)
    better = data.front[int(beats.argmax())]
    return f"it is not on the front: trial {better.number} ({_accuracies(data.objectives, better)}) beats it"


def _accuracies(objectives: Sequence[Objective], point: CompletedTrial) -> str:
    return ", ".join(metric_with_unit(o.name, point.metrics[o.name]) for o in objectives)


def _value(name: str, point: CompletedTrial) -> str:
    return f"{format_metric(name, point.metrics[name])}{' %' if is_accuracy(name) else ''}"


def _noun(name: str) -> str:
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.split("_"))


def _points(name: str, difference: float) -> str:
    """Return a difference as text, of accuracies in percentage points."""
    if not is_accuracy(name):
        return format_metric(name, difference)
    shown = f"{to_shown_unit(name, difference):.2f}"
    return f"{shown} point" if shown == "1.00" else f"{shown} points"
