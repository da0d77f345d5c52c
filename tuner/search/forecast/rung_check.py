"""How well each rung says the end: checked on the completed trials, each forecast without what it showed later.

For each rung and loss there is the rank correlation between forecast and final values, and the share of final values
inside their 80 % intervals. A rung without any information has the correlation 0; intervals that are honest hold 80 %.
Trials are left out one at a time, or in 20 groups if there are more (leave-one-out, else cross-validation).
"""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from scipy.stats import spearmanr

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.chain import Chain, Kept
from tuner.search.forecast.measured import Measured
from tuner.search.forecast.rung_quality import FEWEST, INTERVAL, RungQuality

_MOST_GROUPS = 20
_SAMPLES = 256


def rung_qualities(measured: Measured, metrics: Sequence[str], kept: Kept = MappingProxyType({})) -> list[RungQuality]:
    """Return the quality of each rung for each loss, which have the names `metrics`.

    Return nothing before 8 trials have been trained to the end. `kept` is what is fitted already.
    """
    last = len(measured.levels) - 1
    ended = measured.levels[last]
    if last == 0 or measured.highest < last or len(ended) < FEWEST:
        return []
    groups = np.arange(len(ended)) % min(len(ended), _MOST_GROUPS)
    samples = np.empty((last, _SAMPLES, *ended.losses.shape))
    rng = np.random.default_rng(0)
    fitted = Chain(measured, kept).fitted
    for group in range(groups.max() + 1):
        out = np.flatnonzero(groups == group)
        chain = Chain(measured, fitted, {ended.numbers[place] for place in out.tolist()})
        for level in range(last):
            here = measured.levels[level]
            places = [here.numbers.index(ended.numbers[place]) for place in out.tolist()]
            normals = rng.standard_normal((_SAMPLES, last + 1, ended.losses.shape[1]))
            samples[level][:, out] = chain.final_losses(
                here.inputs[places], normals, level, here.losses[places], noisy=True
            )
    return [
        _quality(measured, level, loss, metric, samples[level][:, :, loss])
        for level in range(last)
        for loss, metric in enumerate(metrics)
    ]


def _quality(measured: Measured, level: int, loss: int, metric: str, samples: FloatArray) -> RungQuality:
    """Return the quality of a rung, from samples, (k, n), of one loss of the completed trials."""
    ended, here = measured.levels[-1], measured.levels[level]
    final = ended.losses[:, loss]
    early = np.array([here.losses[here.numbers.index(number), loss] for number in ended.numbers])
    edge = (1 - INTERVAL) / 2
    low, high = np.quantile(samples, [edge, 1 - edge], axis=0)
    return RungQuality(
        epoch=measured.epochs[level],
        metric=metric,
        trials=len(final),
        correlation=_correlation(np.median(samples, axis=0), final),
        raw=_correlation(early, final),
        inside=float(((low <= final) & (final <= high)).mean()),
    )


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)
