"""What a search optimises: names, directions, and their common form in which lower is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """One metric of a trial's reports and its direction."""

    name: str
    maximise: bool


def as_losses(metrics: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> FloatArray:
    """Give the (trials, objectives) matrix in which lower is better; a missing metric is NaN."""
    signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
    rows = [
        [sign * m.get(objective.name, np.nan) for sign, objective in zip(signs, objectives, strict=True)]
        for m in metrics
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(objectives))
