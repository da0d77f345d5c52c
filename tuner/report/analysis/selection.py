"""The choice of a user from a front: trials with minimums, the knee, the most robust trial, or a trial by number.

Each choice comes with sentences that say why, or what would have been nearest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.config import is_accuracy
from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective, as_losses, loss_limits, within_limits
from tuner.pareto.select import least_short, within
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.wish import Wish, traded
from tuner.report.text import count_of, format_metric, metric_with_unit, noun_of, to_shown_unit, value_with_unit

_ENDED = {
    Outcome.RUNNING: "is still running",
    Outcome.INTERRUPTED: "was interrupted",
    Outcome.COMPLETED: "ended with a value that is not finite",
    Outcome.STOPPED: "was stopped",
    Outcome.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen trials, or epochs of trials, best first in the first objective, and the sentences that say why."""

    trials: tuple[CompletedTrial, ...]
    reasons: tuple[str, ...] = ()


def choose(data: FrontData, wish: Wish) -> Selection:
    """Return a choice among the completed trials of a search; without a wish the whole front.

    If objectives have limits, only trials within them are chosen, except a trial by its number.
    """
    if wish.trial is not None:
        return _by_number(data, wish.trial)
    if not data.front:
        none = f"No {_one(data)} is within the constraints of the search ({_limits(data.constraints)})"
        why = none if data.candidates else f"No trial has {'ended' if data.every_epoch else 'completed'} yet"
        return Selection((), (f"{why}, so there is no front to choose from.",))
    return Selection(data.front) if wish == Wish() else _from_front(data, wish)


def _from_front(data: FrontData, wish: Wish) -> Selection:
    limits = _limits(data.objectives)
    allowed = tuple(point for point in data.front if within_limits(point.metrics, data.objectives))
    if not allowed:
        return Selection((), (f"No {_noun(data)} of the front is within the limits of the search ({limits}).",))
    meeting = tuple(point for point in allowed if not _lacking(point, wish.bounds))
    if not meeting:
        return Selection((), (_nearest(allowed, data, wish.bounds),))
    reasons = (_met(data, meeting, wish.bounds),) if wish.bounds or limits else ()
    if wish.max_loss is not None:
        return _most_robust(data, meeting, wish.max_loss, reasons)
    if wish.knee:
        return _knee(data, meeting, reasons)
    return Selection(meeting, reasons)


def _met(data: FrontData, meeting: Sequence[CompletedTrial], bounds: Sequence[Objective]) -> str:
    limits, asked = _limits(data.objectives), _limits(bounds)
    wanted = " and ".join(
        [*([f"within the limits of the search ({limits})"] if limits else []), *filter(None, [asked])]
    )
    noun = _noun(data)
    kept = f"{len(meeting)} of the {len(data.front)} {noun}s" if len(data.front) > 1 else f"the only {noun}"
    return f"{wanted[0].upper()}{wanted[1:]}: {kept} on the front."


def _limits(criteria: Sequence[Objective]) -> str:
    """Return the limits as text; an empty text without limits."""
    return " and ".join(
        f"at {'least' if criterion.maximise else 'most'} {metric_with_unit(criterion.name, criterion.limit)}"
        for criterion in criteria
        if criterion.limit is not None
    )


def _lacking(point: CompletedTrial, bounds: Sequence[Objective]) -> dict[str, float]:
    """Return by how much each metric misses its bound; a metric that prints like its bound does not miss it."""
    return {
        bound.name: abs(bound.limit - point.metrics[bound.name])
        for bound in bounds
        if bound.limit is not None
        and not bound.accepts(point.metrics[bound.name])
        and format_metric(bound.name, point.metrics[bound.name]) != format_metric(bound.name, bound.limit)
    }


def _nearest(allowed: Sequence[CompletedTrial], data: FrontData, bounds: Sequence[Objective]) -> str:
    losses, limits = as_losses([point.metrics for point in allowed], bounds), loss_limits(bounds)
    assert limits is not None
    nearest = allowed[least_short(-losses, -limits)]
    of_search = _limits(data.objectives)
    within_them = f" within the limits of the search ({of_search})" if of_search else ""
    missed = _lacking(nearest, bounds).items()
    missing = " and ".join(f"{_points(name, lack)} of {noun_of(name)}" for name, lack in missed)
    exceeds = any(not bound.maximise and bound.name in dict(missed) for bound in bounds)
    return (
        f"No {_noun(data)} of the front{within_them} has {_limits(bounds)}. The nearest is trial {nearest.label} "
        f"({_values(data, nearest)}), which {'misses it by' if exceeds else 'lacks'} {missing}."
    )


def _most_robust(
    data: FrontData, candidates: Sequence[CompletedTrial], max_loss: float, reasons: tuple[str, ...]
) -> Selection:
    first, last = traded(data.objectives)
    losses = as_losses([point.metrics for point in candidates], [first, last])
    near = within(losses[:, 0], max_loss)
    chosen = candidates[int(near[losses[near, 1].argmin()])]
    best = candidates[int(losses[:, 0].argmin())]
    value, gained_value = (value_with_unit(o.name, p.metrics[o.name]) for o, p in ((first, best), (last, chosen)))
    top = f"best {noun_of(first.name)}{' among those' if reasons else ''}, {value}"
    near_it = f"within {_points(first.name, max_loss)} of"
    if len(candidates) == 1:
        return Selection((best,), (*reasons, f"Trial {best.label} is the only one to choose from."))
    if len(near) == 1:
        others = "no other of them" if reasons else f"no other {_noun(data)} of the front"
        return Selection((best,), (*reasons, f"Trial {best.label} has the {top}, and {others} is {near_it} it."))
    why = (
        f"Trial {chosen.label} has the best {noun_of(last.name)}, {gained_value}, of the "
        f"{len(near)} {_noun(data)}s {near_it} the {top} (trial {best.label})"
    )
    lost = abs(best.metrics[first.name] - chosen.metrics[first.name])
    gained = abs(best.metrics[last.name] - chosen.metrics[last.name])
    against = (
        f": it gives up {_points(first.name, lost)} of it for {_points(last.name, gained)} of {noun_of(last.name)}"
    )
    return Selection((chosen,), (*reasons, why + ("." if chosen is best else f"{against}.")))


def _knee(data: FrontData, meeting: Sequence[CompletedTrial], reasons: tuple[str, ...]) -> Selection:
    if data.knee is None:
        few = len(np.unique(as_losses([point.metrics for point in data.front], data.objectives), axis=0)) < 3
        what = "A front of fewer than 3 different points" if few else "This front bends nowhere towards the ideal: it"
        return Selection((), (*reasons, f"{what} has no knee: choose by --min, --max, --max-loss or --trial."))
    (bend,) = (point for point in data.front if data.is_knee(point))
    if bend not in meeting:
        return Selection((), (*reasons, f"The knee of the front, trial {bend.label}, is not among them."))
    where = (
        f"lies farthest from the line between the front's ends (trials {data.front[0].label} and "
        f"{data.front[-1].label})"
        if len(data.objectives) == 2
        else "has the smallest sum of losses"
    )
    knee = f"Trial {bend.label} is the knee, the best compromise"
    return Selection((bend,), (*reasons, f"{knee}: with every objective scaled to the front's extent, it {where}."))


def _by_number(data: FrontData, number: int) -> Selection:
    found = tuple(point for point in data.candidates if point.number == number)
    if len(found) == 1:
        return Selection(found, (f"Trial {number} was chosen by its number; {standing(data, found[0])}.",))
    if found:
        count = sum(point.on_front for point in found)
        own = f"its {len(found)} epochs that no other of its epochs beats, of which {count} are on the front"
        return Selection(found, (f"Trial {number} was chosen by its number: {own}.",))
    for trial in data.unfinished:
        if trial.number == number:
            after = f"{_ENDED[trial.outcome]} after {count_of(trial.epochs, 'epoch')}"
            return Selection((), (f"Trial {number} {after} and has no final values. Choose a {_one(data)}.",))
    for repeat in data.repeats:
        if repeat.number == number:
            why = f"Trial {number} trains the point of trial {repeat.repeat_of} again. Choose that one"
            return Selection((), (f"{why}: it stands for both, with the means.",))
    count = len(data.points) + len(data.repeats) + len(data.unfinished)
    few = {0: "no trial has begun", 1: "the only one is trial 0"}
    known = few.get(count, f"the trials are numbered 0 to {count - 1}")
    return Selection((), (f"There is no trial {number}: {known}.",))


def standing(data: FrontData, point: CompletedTrial) -> str:
    """Say whether a trial is on the front, beyond the limits, or which trial of the front is better."""
    if not within_limits(point.metrics, data.criteria):
        return f"it is beyond the limits of the search ({_limits(data.criteria)})"
    if point.on_front:
        return "it is on the front"
    losses = as_losses([point.metrics, *(other.metrics for other in data.front)], data.objectives)
    beats = (losses[1:] <= losses[0]).all(axis=1) & (losses[1:] < losses[0]).any(axis=1)
    better = data.front[int(beats.argmax())]
    return f"it is not on the front: trial {better.label} ({_values(data, better)}) beats it"


def _noun(data: FrontData) -> str:
    """Return what a point of the front is called: with `candidates: every_evaluation` a trial may have several."""
    return "point" if data.every_epoch else "trial"


def _one(data: FrontData) -> str:
    return "trial that has ended" if data.every_epoch else "completed trial"


def _values(data: FrontData, point: CompletedTrial) -> str:
    return ", ".join(metric_with_unit(name, point.metrics[name]) for name in data.metric_names)


def _points(name: str, difference: float) -> str:
    """Return a difference as text, of accuracies in percentage points."""
    if not is_accuracy(name):
        return value_with_unit(name, difference)
    shown = f"{to_shown_unit(name, difference):.2f}"
    return f"{shown} point" if shown == "1.00" else f"{shown} points"
