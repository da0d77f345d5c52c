"""What a trial is worth: the hypervolume that its final losses are expected to add to the front.

The reference point is that of the space, so a search maximises the hypervolume that it reports. The unit of each
objective is the distance from there to its best value.

As long as no trial is better than the reference point, the hypervolume is 0 and says nothing. Then the unit of each
objective is the extent of the front, and the reference point lies a tenth of it beyond the worst member. For both, the
front is that of the known losses and of the losses that are predicted all over the space: a first front of a few trials
is narrow, and what lies beyond its ends would be worth nothing.
"""

import numpy as np

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray, optimised, spans
from tuner.search.forecast.improvement import Undominated
from tuner.search.forecast.measured import Wanted

_BEYOND = 0.1


class FinalFront:
    """The front of the final losses that are known or believed, and what further losses are worth there."""

    def __init__(
        self,
        known: FloatArray,
        believed: FloatArray | None,
        predicted: FloatArray,
        wanted: Wanted,
    ) -> None:
        """Take (n, m) losses of trials that are measured at the last level, of running trials, and of all the space."""
        self._limits, self._constraints = wanted.limits, wanted.constraints
        self._ranges = spans(known)
        allowed = known[self._beyond(known) == 0]
        rows = optimised(allowed if len(allowed) else known, self._constraints)
        possible = np.vstack([rows, optimised(predicted[self._beyond(predicted) == 0], self._constraints)])
        self.unit, self.reference = _unit_and_reference(rows, possible, wanted.reference)
        """The unit of each objective, and the reference point of the hypervolume in the units of the losses."""
        taken = known if believed is None else np.vstack([known, believed])
        beyond = self._beyond(taken)
        self._least = float(beyond.min())
        self.some_allowed = self._least == 0
        """Whether a known or running trial is within the limits, so that the worth is hypervolume."""
        rows = optimised(taken[beyond == 0], self._constraints)
        self._undominated = Undominated(rows / self.unit, self.reference / self.unit)

    def worth(self, samples: FloatArray) -> FloatArray:
        """Return the mean worth, (n,), of (k, n, m) samples of final losses.

        Losses beyond a limit add nothing. As long as no trial is within the limits, as measured or as believed, the
        worth is by how much the least violation of them falls.
        """
        count, width, _ = samples.shape
        rows = samples.reshape(count * width, -1)
        beyond = self._beyond(rows)
        if self.some_allowed:
            found = np.where(beyond == 0, self._undominated.improvements(self._scaled(rows)), 0.0)
        else:
            found = (self._least - beyond).clip(0.0)
        mean: FloatArray = found.reshape(count, width).mean(axis=0)
        return mean

    def improvements(self, losses: FloatArray) -> FloatArray:
        """Return by how much losses, (..., m), are better than the reference point in each objective, in its unit.

        They are 0 where a loss is worse, and for losses beyond a limit.
        """
        rows = losses.reshape(-1, losses.shape[-1])
        better = ((self.reference - optimised(rows, self._constraints)) / self.unit).clip(0.0)
        within: FloatArray = np.where(self._beyond(rows)[:, None] == 0, better, 0.0)
        return within.reshape(*losses.shape[:-1], -1)

    def _scaled(self, losses: FloatArray) -> FloatArray:
        scaled: FloatArray = optimised(losses, self._constraints) / self.unit
        return scaled

    def _beyond(self, losses: FloatArray) -> FloatArray:
        """Return how far rows are beyond the limits, (n,), 0 within them; each loss in units of its known range."""
        if self._limits is None:
            return np.zeros(len(losses))
        excess: FloatArray = ((losses - self._limits).clip(0.0) / self._ranges).sum(axis=1)
        return excess


def _unit_and_reference(known: FloatArray, possible: FloatArray, wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the unit of each objective and the reference point, (m,) each, for (n, m) known and possible losses."""
    front = possible[is_non_dominated(possible)]
    best, worst = front.min(axis=0), front.max(axis=0)
    if (known < wanted).all(axis=1).any():
        return wanted - best, wanted
    unit = np.where(worst > best, worst - best, spans(known))
    return unit, worst + _BEYOND * unit
