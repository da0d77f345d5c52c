"""How a front grew: after each trial its hypervolume, its size and the best value of each objective."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.pareto.hypervolume import front_growth
from tuner.pareto.objectives import FloatArray, Objective, as_losses
from tuner.report.analysis.front_rows import Row


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The front after one more trial ended: trial `number`, at `ended` (seconds since 1970)."""

    number: int
    ended: float
    hypervolume: float
    front_size: int
    best: dict[str, float]


def front_history(
    rows: Sequence[Row], losses: FloatArray, objectives: Sequence[Objective], reference: Mapping[str, float]
) -> tuple[HistoryEntry, ...]:
    """Return the front after each trial of `rows`, in the order of their ends; trials that ended together by number.

    `losses` is the (rows, objectives) matrix of the rows. If a trial has several, all of them count at its end.
    """
    ends = np.array([math.inf if row.trial.ended is None else row.trial.ended for row in rows])
    order = np.argsort(ends, kind="stable")
    growth = front_growth(losses[order], as_losses([reference], objectives)[0])
    best_losses = np.minimum.accumulate(losses[order], axis=0)
    signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
    numbers = [rows[index].trial.number for index in order]
    return tuple(
        HistoryEntry(
            number=number,
            ended=float(ends[index]),
            hypervolume=volume,
            front_size=size,
            best={o.name: sign * loss for o, sign, loss in zip(objectives, signs, best, strict=True)},
        )
        for number, following, index, volume, size, best in zip(
            numbers,
            [*numbers[1:], None],
            order,
            growth.hypervolumes.tolist(),
            growth.sizes.tolist(),
            best_losses.tolist(),
            strict=False,
        )
        if number != following
    )
