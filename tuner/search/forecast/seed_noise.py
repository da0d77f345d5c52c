"""How much another seed would change the final losses of a trial, as the models estimate it."""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from tuner.pareto.dominance import constrained_rank, violations
from tuner.pareto.objectives import FloatArray, optimised
from tuner.search.forecast.chain import Chain, Kept
from tuner.search.forecast.measured import Measured
from tuner.search.forecast.rung_quality import FEWEST

_SAMPLES = 256


def seed_noise(measured: Measured, metrics: Sequence[str], kept: Kept = MappingProxyType({})) -> dict[str, float]:
    """Return the standard deviation of each final loss, which have the names `metrics`, among seeds of one point.

    Return nothing before 8 trials have been trained to the end. `kept` is what is fitted already.
    """
    if measured.highest < len(measured.levels) - 1 or len(measured.levels[-1]) < FEWEST:
        return {}
    chain = Chain(measured, kept)
    trainings = trainings_of_the_front(measured, chain)
    losses = chain.transform.to_losses(trainings.reshape(-1, len(metrics))).reshape(trainings.shape)
    return dict(zip(metrics, over_the_front(losses).tolist(), strict=True))


def trainings_of_the_front(measured: Measured, chain: Chain) -> FloatArray:
    """Return trainings of the points on the front with other seeds, (k, n, m), in the units of the model."""
    ended = measured.levels[-1]
    beyond = None if measured.wanted.limits is None else violations(ended.losses, measured.wanted.limits)
    ranks = constrained_rank(optimised(ended.losses, measured.wanted.constraints), beyond, 1)
    normals = np.random.default_rng(0).standard_normal((_SAMPLES, len(measured.levels), ended.losses.shape[1]))
    return chain.trainings(ended.inputs[ranks == 0], normals)


def over_the_front(trainings: FloatArray) -> FloatArray:
    """Return one standard deviation, (m,), for (k, n, m) trainings: the root of the mean variance of the points.

    Noise differs along a front: of robust accuracy it is small where nothing is robust. A median jumps between both
    ends when a trial is added, the mean does not.
    """
    deviation: FloatArray = np.sqrt(trainings.var(axis=0).mean(axis=0))
    return deviation
