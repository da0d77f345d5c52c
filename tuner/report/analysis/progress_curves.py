"""The progress of a search: its hypervolume over the trained epochs, and the learning curves of its trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tuner.ledger import Outcome, TrialRecord, report_times
from tuner.report.analysis.front_data import FrontData
from tuner.report.text import to_shown_unit

_MOST_CURVES = 120
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """The hypervolume when trial `number` had ended, after `epochs` of all trials together.

    Without a number it is the hypervolume after all epochs that were trained so far.
    """

    epochs: int
    hypervolume: float
    number: int | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The reports of one trial: `values` by objective in the units of the axes, None if not finite."""

    number: int
    outcome: Outcome
    on_front: bool
    epochs: tuple[int, ...]
    values: dict[str, tuple[float | None, ...]]


def growth_by_epochs(data: FrontData) -> tuple[GrowthPoint, ...]:
    """Return the hypervolume over the epochs that all trials have trained, also stopped trials.

    It ends with all epochs trained so far: those after the last completed trial cost time, too.
    """
    if not data.history:
        return ()
    times = [report_times(record) for record in data.records]
    ends = [entry.ended for entry in data.history]
    epochs = np.searchsorted(np.sort(np.concatenate(times)), ends, side="right").tolist()
    points = [GrowthPoint(n, entry.hypervolume, entry.number) for n, entry in zip(epochs, data.history, strict=True)]
    total = sum(record.epochs_trained for record in data.records)
    since = [GrowthPoint(total, data.hypervolume, None)] if total > points[-1].epochs else []
    return (*points, *since)


def curves(data: FrontData, most: int = _MOST_CURVES) -> tuple[Curve, ...]:
    """Return the learning curves of the front and of other trials, at most `most`, chosen at even distances."""
    front = {point.number for point in data.front}
    reported = [record for record in data.records if record.reports]
    first = thin_out([record for record in reported if record.number in front], most)
    others = thin_out([record for record in reported if record.number not in front], most - len(first))
    names = [objective.name for objective in data.objectives]
    chosen = sorted([*first, *others], key=lambda record: record.number)
    return tuple(_curve(record, names, on_front=record.number in front) for record in chosen)


def _curve(record: TrialRecord, names: list[str], *, on_front: bool) -> Curve:
    reports = tuple(report for report in record.reports if any(name in report.metrics for name in names))
    return Curve(
        number=record.number,
        outcome=record.outcome,
        on_front=on_front,
        epochs=tuple(report.epoch for report in reports),
        values={name: tuple(_shown(name, report.metrics.get(name)) for report in reports) for name in names},
    )


def _shown(name: str, value: float | None) -> float | None:
    return to_shown_unit(name, value) if value is not None and math.isfinite(value) else None


def thin_out(items: Sequence[T], most: int) -> Sequence[T]:
    """Return at most `most` items of a sequence at even distances, including the first and the last."""
    if len(items) <= most:
        return items
    return [items[index] for index in np.linspace(0, len(items) - 1, most).round().astype(int)]
