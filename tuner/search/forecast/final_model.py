"""The final losses straight from the parameters: what a point is worth on average, and what another seed changes.

The chain of `chain.py` forecasts one training from its rungs, in which the luck of its seed is known in part. Here the
luck is the noise, which the chain has estimated. So this model says how far a measured value may be from what the point
gives on average over all seeds.
"""

from collections.abc import Mapping

import numpy as np

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.chain import Chain, Fitted, first_trials
from tuner.search.forecast.gaussian_process import GaussianProcess
from tuner.search.forecast.measured import Measured, informative
from tuner.search.forecast.seed_noise import over_the_front, trainings_of_the_front

# The trials to which the model was fitted, and its noises in steps. What is fitted is a function of these.
Key = tuple[tuple[int, ...], tuple[int, ...]]
KeptFinals = Mapping[Key, Fitted]
# A noise is rounded to a whole power of this number, so that a model need not be fitted anew for each proposal.
_STEP = 1.1
_LEAST_NOISE, _MOST_NOISE = 0.01, 1.0


class FinalModel:
    """One Gaussian process for each loss at the last level, given its trials."""

    def __init__(self, measured: Measured, chain: Chain, kept: KeptFinals) -> None:
        """Fit the model, or take what is fitted from `kept`. `chain` is that of the same trials, up to the end."""
        level = informative(measured.levels[-1], measured.wanted)
        noises = over_the_front(trainings_of_the_front(measured, chain)).clip(_LEAST_NOISE, _MOST_NOISE)
        steps = np.round(np.log(noises) / np.log(_STEP)).astype(int)
        chosen = first_trials(measured.levels[-1])
        key = chosen.numbers, tuple(steps.tolist())
        self._transform, self._noises = chain.transform, _STEP ** steps.astype(float)
        if key in kept:
            found = kept[key]
        else:
            pairs = zip(self._transform.to_model(chosen.losses).T, self._noises.tolist(), strict=True)
            processes = tuple(GaussianProcess.fitted(chosen.inputs, values, 0, noise) for values, noise in pairs)
            width = chosen.inputs.shape[1]
            found = Fitted(self._transform, processes, np.zeros(width), np.ones(width))
        self.fitted: KeptFinals = {key: found}
        values = self._transform.to_model(level.losses)
        self._given = [
            process.given(level.inputs, each) for process, each in zip(found.processes, values.T, strict=True)
        ]

    def samples(self, points: FloatArray, normals: FloatArray, luck: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return joint samples at (n, d) points: the typical losses of a point, and those of one training of it.

        `normals` and `luck` are standard normal, (k, n, m), and so are both results, which differ by the noise only.
        """
        typical = np.stack([each.samples(points, normals[:, :, j]) for j, each in enumerate(self._given)], axis=-1)
        return self._losses(typical), self._losses(typical + self._noises * luck)

    def means(self, points: FloatArray) -> FloatArray:
        """Return the losses, (n, m), at the predicted means of (n, d) points."""
        return self._losses(np.stack([each.predict(points)[0] for each in self._given], axis=-1))

    def _losses(self, values: FloatArray) -> FloatArray:
        return self._transform.to_losses(values.reshape(-1, values.shape[-1])).reshape(values.shape)
