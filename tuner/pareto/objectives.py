"""What a search optimises: names, directions and limits, and the matrix of losses, in which lower is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """A metric of the reports, its direction, and the worst value that the user accepts, if there is one.

    A constraint has the same form, always with a limit. It is not optimised: only its limit counts.
    """

    name: str
    maximise: bool
    limit: float | None = None

    def accepts(self, value: float) -> bool:
        """Return whether a value is within the limit; NaN is never within it."""
        if self.limit is None:
            return True
        return value >= self.limit if self.maximise else value <= self.limit


def as_losses(metrics: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> FloatArray:
    """Return the (trials, objectives) matrix in which lower is better; a missing metric is NaN."""
    signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
    rows = [
        [sign * m.get(objective.name, np.nan) for sign, objective in zip(signs, objectives, strict=True)]
        for m in metrics
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(objectives))


def optimised(losses: FloatArray, constraints: int) -> FloatArray:
    """Return a loss matrix without its last columns, as many as `constraints`, which are only limited."""
    return losses[:, : losses.shape[1] - constraints]


def loss_limits(objectives: Sequence[Objective]) -> FloatArray | None:
    """Return the largest accepted losses, (objectives,), infinite without a limit; None if no objective has one."""
    if all(objective.limit is None for objective in objectives):
        return None
    return np.array(
        [np.inf if o.limit is None else (-o.limit if o.maximise else o.limit) for o in objectives], dtype=np.float64
    )


def within_limits(metrics: Mapping[str, float], objectives: Sequence[Objective]) -> bool:
    """Return whether every metric is within its objective's limit; a missing one and NaN are not."""
    return all(o.accepts(metrics.get(o.name, np.nan)) for o in objectives)


def scale_to_unit(losses: FloatArray) -> FloatArray:
    """Scale each objective of an (n, m) matrix of finite losses linearly to [0, 1]: best 0, worst 1, constant 0."""
    low = losses.min(axis=0, initial=np.inf)
    scaled: FloatArray = (losses - low) / spans(losses)
    return scaled


def spans(losses: FloatArray) -> FloatArray:
    """Return the range of each objective over the rows of an (n, m) loss matrix, as (m,); 1 if it does not vary."""
    span = losses.max(axis=0, initial=-np.inf) - losses.min(axis=0, initial=np.inf)
    varying: FloatArray = np.where(span > 0, span, 1.0)
    return varying
