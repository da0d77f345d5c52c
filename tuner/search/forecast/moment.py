"""What the models say at one moment of a search: what points and trials are worth there."""

import numpy as np
from scipy.stats import norm, qmc

from tuner.pareto.dominance import constrained_rank, violations
from tuner.pareto.objectives import FloatArray, optimised
from tuner.search.forecast.chain import Chain, Kept
from tuner.search.forecast.measured import Measured
from tuner.search.forecast.value import FinalFront

# A normal sample farther out would be one of a thousand draws only.
_RAREST = 1e-4


class Moment:
    """The models of the trials that are measured, which must be enough (`Measured.highest` >= 0)."""

    def __init__(self, measured: Measured, everywhere: FloatArray, kept: Kept) -> None:
        """Fit the models, or take what is fitted from `kept`, which is that of an earlier moment."""
        self.chain = Chain(measured, kept)
        last = measured.last
        self.levels = measured.epochs[: self.chain.last + 1]
        self._width = last.losses.shape[1]
        (predicted,) = self.chain.final_losses(everywhere, np.zeros((1, len(self.levels), self._width)))
        known = means_of_points(last.inputs, last.losses)
        self._front = FinalFront(known, self.chain.believed_losses, predicted, measured.wanted)
        beyond = None if measured.wanted.limits is None else violations(known, measured.wanted.limits)
        ranks = constrained_rank(optimised(known, measured.wanted.constraints), beyond, 1)
        self.front_inputs = last.inputs[ranks == 0]

    @property
    def some_allowed(self) -> bool:
        """Whether some trial is within the limits, so that what a trial adds is hypervolume."""
        return self._front.some_allowed

    @property
    def epochs(self) -> int:
        """The epochs of a training to the last level that can be modelled."""
        return self.levels[-1]

    def normals(self, samples: int, rng: np.random.Generator) -> FloatArray:
        """Return evenly spread standard normal numbers, (samples, levels, losses), by scrambled Sobol points."""
        shape = samples, len(self.levels), self._width
        uniform = qmc.Sobol(shape[1] * shape[2], seed=rng).random(samples)
        spread: FloatArray = norm.ppf(uniform.clip(_RAREST, 1 - _RAREST)).reshape(shape)
        return spread

    def worth(
        self, points: FloatArray, normals: FloatArray, level: int = -1, losses: FloatArray | None = None
    ) -> FloatArray:
        """Return what full trainings of (n, d) points are worth, (n,), known up to `level` with (n, m) `losses`."""
        return self._front.worth(self.chain.final_losses(points, normals, level, losses))


def means_of_points(inputs: FloatArray, losses: FloatArray) -> FloatArray:
    """Return losses, (n, m), in which every row has the mean of the rows with the same (n, d) inputs: other seeds."""
    _, place, counts = np.unique(inputs, axis=0, return_inverse=True, return_counts=True)
    if len(counts) == len(inputs):
        return losses
    sums = np.zeros((len(counts), losses.shape[1]))
    np.add.at(sums, place.reshape(-1), losses)
    means: FloatArray = (sums / counts[:, None])[place.reshape(-1)]
    return means
