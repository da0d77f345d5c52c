"""The final losses straight from the parameters: what a point is worth on average, and what another seed changes.

The chain of `chain.py` forecasts one training from its rungs, in which the luck of its seed is known in part. Here the
luck is the noise. So this model says how far a measured value may be from the mean over all seeds.
"""

from collections.abc import Mapping

import numpy as np

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.chain import Fitted, first_trials
from tuner.search.forecast.mean_noise import with_mean_noise
from tuner.search.forecast.measured import Level
from tuner.search.forecast.output_transform import OutputTransform

# By the trials to which the model was fitted: `FinalModel.fitted` is a function of them.
KeptFinals = Mapping[tuple[int, ...], Fitted]


class FinalModel:
    """One Gaussian process for each loss at the last level, given its trials."""

    def __init__(self, level: Level, kept: KeptFinals) -> None:
        """Fit the model to a level of at least 2 trials, or take what is fitted from `kept`."""
        chosen = first_trials(level)
        found = kept.get(chosen.numbers) or _fit(chosen)
        self.fitted: KeptFinals = {chosen.numbers: found}
        self._transform = found.transform
        self._noises = np.array([process.noise for process in found.processes])
        values = found.transform.to_model(level.losses)
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

    def seed_noise(self, points: FloatArray, luck: FloatArray) -> FloatArray:
        """Return the standard deviation, (n, m), of the losses of (n, d) points among trainings with other seeds.

        `luck`, (k, m), is standard normal. Every point is taken for one at the predicted mean.
        """
        means = np.stack([each.predict(points)[0] for each in self._given], axis=-1)
        deviations: FloatArray = self._losses(means + self._noises * luck[:, None]).std(axis=0)
        return deviations

    def _losses(self, values: FloatArray) -> FloatArray:
        return self._transform.to_losses(values.reshape(-1, values.shape[-1])).reshape(values.shape)


def _fit(level: Level) -> Fitted:
    transform = OutputTransform.fitted(level.losses)
    values = transform.to_model(level.losses)
    return Fitted(transform, tuple(with_mean_noise(level.inputs, each) for each in values.T))
