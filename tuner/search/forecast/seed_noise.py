"""How much another seed would change the final losses of a trial, as a model estimates it."""

from collections.abc import Sequence

import numpy as np

from tuner.search.forecast.final_model import FinalModel
from tuner.search.forecast.measured import Measured, informative
from tuner.search.forecast.rung_quality import FEWEST

_SAMPLES = 256


def seed_noise(measured: Measured, metrics: Sequence[str]) -> dict[str, float]:
    """Return the standard deviation of each final loss, which have the names `metrics`, among seeds of one point.

    It is the median over the quarter of the trials that ended best in one of the losses: those near the front, because
    noise can differ over the space. Return nothing before 8 trials have been trained to the end.
    """
    ended = measured.levels[-1]
    if measured.highest < len(measured.levels) - 1 or len(ended) < FEWEST:
        return {}
    ranks = np.argsort(np.argsort(ended.losses, axis=0, kind="stable"), axis=0, kind="stable")
    best = np.argsort(ranks.min(axis=1), kind="stable")[: max(FEWEST // 2, len(ended) // 4)]
    model = FinalModel(informative(ended, measured.limits, measured.constraints), {})
    luck = np.random.default_rng(0).standard_normal((_SAMPLES, len(metrics)))
    deviations = model.seed_noise(ended.inputs[best], luck)
    return dict(zip(metrics, np.median(deviations, axis=0).tolist(), strict=True))
