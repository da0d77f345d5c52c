"""What the figure of a front shows, in the units of its axes: marks, staircase, limits, colours and notes.

`web` and `image` draw it and decide nothing, so that tests of what is shown need no pixels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from training.config import is_accuracy
from tuner.ledger.records import Outcome, trial_name
from tuner.pareto.objectives import Objective, within_limits
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial, UnfinishedTrial
from tuner.report.analysis.parameter_effects import ParameterScale, parameter_scales
from tuner.report.analysis.published import PublishedPoint, published_points
from tuner.report.analysis.seed_means import MeanMark, mean_marks
from tuner.report.figure.confirmed_marks import confirmed_marks, confirmed_notes
from tuner.report.figure.front_notes import Limits, Place, figure_notes, outside_notes
from tuner.report.figure.staircase import staircase
from tuner.report.text import count_of, format_metric, format_value, metric_label, to_shown_unit

Vertices = tuple[Place, ...]

MEANS = "mean over the seeds, ± standard deviation"
CONFIRMED = "confirmed on the test set, ± standard deviation"
# A mark on the end of an axis of shares needs half of its width, as a share of the axis.
_RIM = 0.02


@dataclass(frozen=True, slots=True)
class Mark:
    """One trial in the figure: its place, the lines that describe it, and the parameters, one of which colours it.

    `epoch` is that of a point which is one epoch of its trial; `epochs` are those after which the values were measured;
    `trainings` is the number of trainings over which they are means.
    """

    number: int
    x: float
    y: float
    epochs: int
    description: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    epoch: int | None = None
    trainings: int = 1

    @property
    def name(self) -> str:
        """The name of the trial, with the epoch if the mark is of one."""
        return trial_name(self.number) if self.epoch is None else f"{trial_name(self.number)}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the figure. Its limits leave out trials that are far from the front."""

    label: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class FrontFigure:
    """The figure of a front. `knee` is one of `front`; `notes` say what the figure cannot show.

    `scales` are all scales that can colour the points. `published` are points of the paper in the units of the axes,
    `means` the means over the seeds of a grid, `confirmed` those of confirmations. `accepted` are the limits of the
    search on both axes, None without a limit. `outside` counts what these axes leave out. `noise` is the standard
    deviation of one training with another seed on both axes, None where it was not estimated.
    """

    x: Axis
    y: Axis
    front: tuple[Mark, ...]
    dominated: tuple[Mark, ...]
    unfinished: dict[Outcome, tuple[Mark, ...]]
    knee: Mark | None
    staircase: Vertices
    notes: tuple[str, ...]
    scales: tuple[ParameterScale, ...] = ()
    published: tuple[PublishedPoint, ...] = ()
    means: tuple[MeanMark, ...] = ()
    confirmed: tuple[MeanMark, ...] = ()
    accepted: tuple[float | None, float | None] = (None, None)
    outside: tuple[str, ...] = ()
    noise: tuple[float | None, float | None] = (None, None)

    @property
    def colours(self) -> ParameterScale | None:
        """The scale that colours the points by default: lambda, else the first number that varies, else None."""
        return self.scales[0] if self.scales and not self.scales[0].choices else None


def front_figure(data: FrontData, limits: tuple[Limits, Limits] | None = None) -> FrontFigure:
    """Return the figure of a search on its first two objectives, or on trial number and objective if it has only one.

    The axes hold the front and what is near it, unless `limits` are given. For a single objective the line is the best
    value so far, trial by trial.
    """
    shown = {point.number for point in data.candidates}
    others = [trial for trial in data.unfinished if trial.number not in shown]
    front, dominated, unfinished = (_marks(trials, data) for trials in (data.front, data.dominated, others))
    published = published_points(data.setting, data.objectives)
    confirmed = confirmed_marks(data)
    beside = [
        *((mark.x, mark.y) for mark in (*dominated, *unfinished)),
        *((point.natural, point.pgd) for point in published),
        *(end for mark in confirmed for end in mark.ends),
    ]
    places = {
        f"Dominated {'points' if data.every_epoch else 'trials'}": [(mark.x, mark.y) for mark in dominated],
        "Unfinished trials": [(mark.x, mark.y) for mark in unfinished],
        "Published points": [(point.natural, point.pgd) for point in published],
    }
    without_values = len(others) - len(unfinished)
    x, y = _axis_objectives(data.objectives)
    limits = limits or _frame([(mark.x, mark.y) for mark in front], beside, data.objectives)
    outcome_of = {trial.number: trial.outcome for trial in data.unfinished}
    return FrontFigure(
        x=Axis("Trial" if x is None else metric_label(x.name), limits[0]),
        y=Axis(metric_label(y.name), limits[1]),
        front=front,
        dominated=dominated,
        unfinished={
            outcome: marks
            for outcome in Outcome
            if (marks := tuple(mark for mark in unfinished if outcome_of[mark.number] is outcome))
        },
        knee=next((mark for mark in front if (mark.number, mark.epoch) == (data.knee, data.knee_epoch)), None),
        staircase=staircase(data, *limits),
        notes=(*figure_notes(data, without_values, published), *confirmed_notes(confirmed, data.setting)),
        scales=parameter_scales(data.candidates),
        published=published,
        means=mean_marks(data),
        confirmed=confirmed,
        accepted=_accepted(data.objectives),
        outside=outside_notes(places, limits),
        noise=_noise(data),
    )


def further_figures(data: FrontData) -> tuple[FrontFigure, ...]:
    """Return a figure for each pair of objectives after the first pair; none for a search with two objectives or one.

    All of them show the front of all objectives.
    """
    figures = []
    for pair in list(combinations(data.objectives, 2))[1:]:
        others = tuple(objective for objective in data.objectives if objective not in pair)
        figures.append(front_figure(replace(data, objectives=(*pair, *others))))
    return tuple(figures)


def _axis_objectives(objectives: Sequence[Objective]) -> tuple[Objective | None, Objective]:
    """Return the objectives of both axes; with one objective the first axis shows trial numbers instead."""
    return (objectives[0], objectives[1]) if len(objectives) > 1 else (None, objectives[0])


def _marks(trials: Sequence[CompletedTrial | UnfinishedTrial], data: FrontData) -> tuple[Mark, ...]:
    """Return a mark for each trial with a finite value on both axes."""
    x_objective, y_objective = _axis_objectives(data.objectives)
    marks = []
    for trial in trials:
        x = float(trial.number) if x_objective is None else _value(trial, x_objective)
        y = _value(trial, y_objective)
        if math.isfinite(x) and math.isfinite(y):
            epoch, trainings = (trial.epoch, trial.trainings) if isinstance(trial, CompletedTrial) else (None, 1)
            after = trial.epochs if epoch is None else epoch
            about = _description(trial, data), trial.parameters
            marks.append(Mark(trial.number, x, y, after, *about, epoch, trainings))
    return tuple(marks)


def _value(trial: CompletedTrial | UnfinishedTrial, objective: Objective) -> float:
    return to_shown_unit(objective.name, trial.metrics.get(objective.name, math.nan))


def _description(trial: CompletedTrial | UnfinishedTrial, data: FrontData) -> tuple[str, ...]:
    return (
        trial_name(trial.number),
        *(f"{metric_label(name)}: {format_metric(name, trial.metrics.get(name))}" for name in data.metric_names),
        *(f"{name}: {format_value(value)}" for name, value in trial.parameters.items()),
        _after(trial),
        *(["beyond a constraint"] if _is_excluded(trial, data) else []),
    )


def _after(trial: CompletedTrial | UnfinishedTrial) -> str:
    if isinstance(trial, CompletedTrial) and trial.epoch is not None:
        return f"epoch {trial.epoch} of the {trial.epochs} that it trained"
    if isinstance(trial, CompletedTrial) and trial.repeats:
        return f"mean of {trial.trainings} trainings, each of {count_of(trial.epochs, 'epoch')}"
    state = "completed" if isinstance(trial, CompletedTrial) else trial.outcome.value
    return f"{state} after {count_of(trial.epochs, 'epoch')}"


def _is_excluded(trial: CompletedTrial | UnfinishedTrial, data: FrontData) -> bool:
    return isinstance(trial, CompletedTrial) and not within_limits(trial.metrics, data.constraints)


def _accepted(objectives: Sequence[Objective]) -> tuple[float | None, float | None]:
    """Return the limits of the objectives on both axes."""
    x, y = (
        None if objective is None or objective.limit is None else to_shown_unit(objective.name, objective.limit)
        for objective in _axis_objectives(objectives)
    )
    return x, y


def _noise(data: FrontData) -> tuple[float | None, float | None]:
    """Return the estimated standard deviations between seeds on both axes."""
    x, y = (
        None
        if objective is None or objective.name not in data.seed_noise
        else to_shown_unit(objective.name, data.seed_noise[objective.name])
        for objective in _axis_objectives(data.objectives)
    )
    return x, y


def _frame(front: Sequence[Place], beside: Sequence[Place], objectives: Sequence[Objective]) -> tuple[Limits, Limits]:
    """Return limits that hold the front and other marks near it."""
    x, y = _axis_objectives(objectives)
    (xs, ys), (other_xs, other_ys) = (list(zip(*places, strict=True)) or [(), ()] for places in (front, beside))
    y_limits = _axis_limits(ys, other_ys, is_accuracy(y.name))
    if x is None:  # all trial numbers are shown
        return _axis_limits((), (*xs, *other_xs), share=False), y_limits
    return _axis_limits(xs, other_xs, is_accuracy(x.name)), y_limits


def _axis_limits(front: Sequence[float], beside: Sequence[float], share: bool) -> Limits:
    """Return the limits of an axis that holds a front, and other marks up to half of its extent away.

    Trials at early rungs and collapsed trials lie far below the front: with them the front would be a dot in a corner.
    An axis in per cent ends a little beyond 0 and 100.
    """
    values = [*front, *beside]
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    # One or two trials do not show how far apart the others will be.
    if len(front) >= 3 and (span := max(front) - min(front)) > 0:
        low, high = max(low, min(front) - span / 2), min(high, max(front) + span / 2)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - margin, high + margin
    rim = _RIM * (high - low)
    return (max(low, -rim), min(high, 100 + rim)) if share else (low, high)
