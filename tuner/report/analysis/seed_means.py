"""The points of a grid with several seeds: mean and standard deviation over the seeds."""

import math
import statistics
from dataclasses import dataclass
from typing import Any

from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.text_tables import parameter_names
from tuner.report.text import TextTable, format_mean, format_value, metric_heading, metric_label, to_shown_unit

_SEED = "seed"


@dataclass(frozen=True, slots=True)
class PointMeans:
    """One point of a grid. `means` and `deviations` are of the final objectives of `trials`, by metric.

    A deviation is a sample deviation (n - 1), None for a single trial.
    """

    parameters: dict[str, Any]
    trials: tuple[int, ...]
    means: dict[str, float]
    deviations: dict[str, float | None]


def seed_means(data: FrontData) -> list[PointMeans]:
    """Group the completed trials by all parameters but the seed, in the order of their first trial."""
    groups: dict[tuple[tuple[str, Any], ...], list[CompletedTrial]] = {}
    for trial in data.points:
        key = tuple((name, value) for name, value in trial.parameters.items() if name != _SEED)
        groups.setdefault(key, []).append(trial)
    return [_means(dict(key), trials, data) for key, trials in groups.items()]


def has_seeds(data: FrontData) -> bool:
    """Whether a grid runs its points with several seeds: then every trial has its own."""
    return bool(data.records) and all(_SEED in trial.parameters for trial in data.records)


@dataclass(frozen=True, slots=True)
class MeanMark:
    """The mean over the seeds of a point in the units of the axes, and its deviations as error bars.

    The deviation of a single seed is NaN, which draws no bar.
    """

    place: tuple[float, float]
    deviations: tuple[float, float]
    description: tuple[str, ...]

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The lower left and the upper right corner of what the error bars reach."""
        (x, y), (dx, dy) = self.place, (0.0 if math.isnan(bar) else bar for bar in self.deviations)
        return (x - dx, y - dy), (x + dx, y + dy)


def mean_marks(data: FrontData) -> tuple[MeanMark, ...]:
    """Return marks for the points of a grid with several seeds on the first two objectives; none for other searches."""
    if not has_seeds(data) or len(data.objectives) < 2:
        return ()
    first, second = (objective.name for objective in data.objectives[:2])
    return tuple(
        MeanMark(
            place=(to_shown_unit(first, point.means[first]), to_shown_unit(second, point.means[second])),
            deviations=(
                to_shown_unit(first, bar_of(point.deviations[first])),
                to_shown_unit(second, bar_of(point.deviations[second])),
            ),
            description=(
                f"mean of {len(point.trials)} seeds" if len(point.trials) > 1 else "one seed",
                *(f"{metric_label(n)}: {format_mean(n, point.means[n], point.deviations[n])}" for n in (first, second)),
                *(f"{name}: {format_value(value)}" for name, value in point.parameters.items()),
            ),
        )
        for point in seed_means(data)
    )


def bar_of(deviation: float | None) -> float:
    """Return the length of an error bar, NaN without a deviation."""
    return math.nan if deviation is None else deviation


def seed_means_text_table(data: FrontData) -> TextTable:
    """Return the points of a grid as a table, with mean ± standard deviation over their seeds."""
    metrics = [objective.name for objective in data.objectives]
    names = [name for name in parameter_names(data.points) if name != _SEED]
    rows = [
        [
            *(format_value(point.parameters.get(name)) for name in names),
            *(format_mean(name, point.means[name], point.deviations[name]) for name in metrics),
            str(len(point.trials)),
        ]
        for point in seed_means(data)
    ]
    return TextTable([*names, *map(metric_heading, metrics), "Seeds"], rows)


def _means(parameters: dict[str, Any], trials: list[CompletedTrial], data: FrontData) -> PointMeans:
    values = {o.name: [trial.metrics[o.name] for trial in trials] for o in data.objectives}
    return PointMeans(
        parameters=parameters,
        trials=tuple(trial.number for trial in trials),
        means={name: statistics.fmean(found) for name, found in values.items()},
        deviations={name: statistics.stdev(found) if len(found) > 1 else None for name, found in values.items()},
    )
