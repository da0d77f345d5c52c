"""How well each rung says the end: checked on the completed trials, each forecast without what it showed later.

For each rung and loss there is the rank correlation between forecast and final values, and the share of final values
inside their 80 % intervals. A rung without any information has the correlation 0; intervals that are honest hold 80 %.
The models cut losses far on the bad side. So an interval that reaches the cut says 'this bad or worse', and holds every
value beyond the cut.
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
    whole = Chain(measured, kept)
    for group in range(groups.max() + 1):
        out = np.flatnonzero(groups == group)
        chain = Chain(measured, whole.fitted, {ended.numbers[place] for place in out.tolist()})
        for level in range(last):
            here = measured.levels[level]
            places = [here.numbers.index(ended.numbers[place]) for place in out.tolist()]
            normals = rng.standard_normal((_SAMPLES, last + 1, ended.losses.shape[1]))
            samples[level][:, out] = chain.final_losses(
                here.inputs[places], normals, level, here.losses[places], noisy=True
            )
    cut = whole.transform.cut
    return [
        quality
        for level in range(last)
        for quality in _qualities(
            measured, level, metrics, samples[level], _inside(cut(samples[level]), cut(ended.losses))
        )
    ]


def _qualities(
    measured: Measured, level: int, metrics: Sequence[str], samples: FloatArray, inside: FloatArray
) -> list[RungQuality]:
    """Return the qualities of a rung, from samples, (k, n, m), of the losses of the completed trials."""
    ended, here = measured.levels[-1], measured.levels[level]
    early = here.losses[[here.numbers.index(number) for number in ended.numbers]]
    forecast = np.median(samples, axis=0)
    return [
        RungQuality(
            epoch=measured.epochs[level],
            metric=metric,
            trials=len(ended),
            correlation=_correlation(forecast[:, loss], ended.losses[:, loss]),
            raw=_correlation(early[:, loss], ended.losses[:, loss]),
            inside=float(inside[loss]),
        )
        for loss, metric in enumerate(metrics)
        if metric not in metrics[:loss]  # a constraint with two limits has two losses
    ]


def _inside(samples: FloatArray, final: FloatArray) -> FloatArray:
    """Return the shares, (m,), of (n, m) final losses inside the intervals of their samples, (k, n, m)."""
    edge = (1 - INTERVAL) / 2
    low, high = np.quantile(samples, [edge, 1 - edge], axis=0)
    shares: FloatArray = ((low <= final) & (final <= high)).mean(axis=0)
    return shares


def _correlation(values: FloatArray, final: FloatArray) -> float:
    if np.ptp(final) == 0:
        return float("nan")
    return float(spearmanr(values, final).statistic) if np.ptp(values) > 0 else 0.0
