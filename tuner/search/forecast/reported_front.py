"""What a reported front is worth to its user, and how much more after one of its points was trained again.

A user chooses from what is reported: in some direction the point that looks best. What the user gets is the typical
loss of this point over all seeds. The value of a front is what the choice gives in the mean over all directions. If
every report were true, this would be the hypervolume of the front (Golovin and Zhang 2020, arXiv:2006.04655), so it has
the unit in which new points are valued. But a point that looks better than it is takes the place of a better one, and
that costs. The hypervolume of the true losses would not do: one more point never makes it smaller, however wrong its
report is, so no training with another seed could ever pay.

A training with another seed changes the report of its point. What the choice is expected to gain is the knowledge
gradient (Frazier et al. 2009, doi:10.1287/ijoc.1080.0314), in the mean over scalarisations as in Buckingham et al.
2023, arXiv:2302.01310.
"""

import math

import numpy as np
from scipy.stats import norm, qmc

from tuner.pareto.dominance import IntArray
from tuner.pareto.objectives import FloatArray

_DIRECTIONS = 128


class ReportedFront:
    """Points with their reports, and samples of what they are; both as improvements on the reference point.

    An improvement, (m,), is at least 0 in each objective; a point that is no choice, because it is beyond a limit or
    behind the reference point, has 0.
    """

    def __init__(self, reported: FloatArray, true: FloatArray) -> None:
        """Take (n, m) reports and (k, n, m) samples."""
        self._directions = directions(reported.shape[1])
        self._reports = utilities(reported, self._directions)
        self._true = utilities(true, self._directions)
        order = np.argsort(-self._reports, axis=0, kind="stable")
        self._chosen, self._second = order[0], order[min(1, len(order) - 1)]
        self._values = np.where(self._best(self._chosen) > 0, self._true[:, self._chosen, self._places], 0.0)

    @property
    def value(self) -> float:
        """What the user's choice is expected to give: the hypervolume if every report is true."""
        return float(self._values.mean()) * _volume(self._directions.shape[1])

    def gain(self, place: int, then: FloatArray) -> float:
        """Return how much more the choice gives if the point at `place` is reported with `then`, (k, m), instead."""
        report = utilities(then, self._directions)
        rival = np.where(self._chosen == place, self._second, self._chosen)
        rivals = self._best(rival) if len(self._reports) > 1 else np.zeros(len(rival))
        others = np.where(rivals > 0, self._true[:, rival, self._places], 0.0)
        values = np.where((report > 0) & (report >= rivals), self._true[:, place], others)
        return float((values - self._values).mean()) * _volume(self._directions.shape[1])

    @property
    def _places(self) -> IntArray:
        return np.arange(len(self._directions))

    def _best(self, points: FloatArray) -> FloatArray:
        """Return the reports of the points that are chosen in each direction."""
        found: FloatArray = self._reports[points, self._places]
        return found


def directions(objectives: int) -> FloatArray:
    """Return evenly spread directions of positive numbers, (d, m), of length 1."""
    uniform = qmc.Sobol(objectives, seed=0).random(_DIRECTIONS)
    positive = np.abs(norm.ppf(uniform.clip(1e-6, 1 - 1e-6))).clip(1e-6)
    found: FloatArray = positive / np.linalg.norm(positive, axis=1, keepdims=True)
    return found


def utilities(improvements: FloatArray, directions: FloatArray) -> FloatArray:
    """Return what improvements, (..., m), are worth in each of (d, m) directions, (..., d).

    In each direction the best one of a set is the volume that the set dominates there.
    """
    objectives = directions.shape[1]
    worst = np.full((*improvements.shape[:-1], len(directions)), np.inf)
    for column in range(objectives):
        np.minimum(worst, improvements[..., column, None] / directions[:, column], out=worst)
    volumes: FloatArray = worst**objectives
    return volumes


def _volume(objectives: int) -> float:
    """Return the volume of the part of the unit ball that is positive in each coordinate."""
    return math.pow(math.sqrt(math.pi) / 2, objectives) / math.gamma(objectives / 2 + 1)
