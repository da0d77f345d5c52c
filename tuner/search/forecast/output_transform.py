"""A transform of the losses of one epoch to values that a Gaussian process can model: nearly normal, mean 0, sd 1.

Losses far on the bad side are cut, because the model needs no scale for them. What stands on the front of the trials is
never cut: if most trials are at one end of a front, the other end is far from the median. A loss that is a little
beyond the user's limit is not cut either: it would look as if it were within the limit.

Then follows the transform of Yeo and Johnson (2000, doi:10.1093/biomet/87.4.954), which takes the skew out of each
loss.
"""

import warnings
from typing import Self

import numpy as np
from sklearn.preprocessing import PowerTransformer

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.objectives import FloatArray, optimised

# Losses are cut at the median plus this many times the distance from the best loss to the median.
_CUT = 4.0
# With a stronger curvature a small error of the model becomes a very large one of the loss.
_MOST_CURVED = 4.0
# The largest distances from the mean that are transformed back, in standard deviations: of the values of the model, and
# of the losses. On the good side they reach beyond the best fitted loss at least.
_FARTHEST, _FARTHEST_LOSS = 4.0, 8.0
_BEYOND_THE_BEST = 1.0
# The square of a number larger than this may be too large for a float.
_LARGE = 1e100


class OutputTransform:
    """A transform of each column of a loss matrix, fitted once."""

    def __init__(self, cut: FloatArray, mean: FloatArray, spread: FloatArray, kept: FloatArray) -> None:
        """Take the cut, the mean and the spread of each loss, (m,) each, and the (n, m) losses, cut, to be fitted."""
        self._cut, self._mean, self._spread = cut, mean, spread
        scaled = (kept - mean) / spread
        self._power = _power_transformer(scaled)
        values = scaled if self._power is None else np.asarray(self._power.transform(scaled))
        self._lowest = np.minimum(values.min(axis=0) - _BEYOND_THE_BEST, -_FARTHEST)
        self._lowest_loss = np.minimum(scaled.min(axis=0) - _BEYOND_THE_BEST, -_FARTHEST_LOSS)

    @classmethod
    def fitted(cls, losses: FloatArray, limits: FloatArray | None = None, constraints: int = 0) -> Self:
        """Fit the transform to an (n >= 2, m) loss matrix.

        `limits`, (m,), are the largest losses that the user accepts. The last losses, as many as `constraints`, have no
        front.
        """
        best, middle = losses.min(axis=0), np.median(losses, axis=0)
        cut = np.where(middle > best, middle + _CUT * (middle - best), losses.max(axis=0))
        cut = np.maximum(cut, losses[is_non_dominated(optimised(losses, constraints))].max(axis=0))
        if limits is not None:
            cut = np.maximum(cut, np.where(np.isfinite(limits), limits + (limits - best), -np.inf))
        kept = np.minimum(losses, cut)
        largest = np.abs(kept).max(axis=0)
        unit = np.where(largest > _LARGE, largest, 1.0)
        spread = (kept / unit).std(axis=0) * unit
        spread = np.where(spread > 1e-9 * largest.clip(1e-300), spread, 1.0)
        return cls(cut, (kept / unit).mean(axis=0) * unit, spread, kept)

    def cut(self, losses: FloatArray) -> FloatArray:
        """Return losses, (..., m), with those beyond the cut at the cut: the model only knows that they are bad."""
        kept: FloatArray = np.minimum(losses, self._cut)
        return kept

    def to_model(self, losses: FloatArray) -> FloatArray:
        """Return the values of an (n, m) loss matrix."""
        scaled: FloatArray = (self.cut(losses) - self._mean) / self._spread
        return scaled if self._power is None else np.asarray(self._power.transform(scaled))

    def to_losses(self, values: FloatArray) -> FloatArray:
        """Return the losses of (n, m) values; they are finite."""
        values = values.clip(self._lowest, _FARTHEST)
        if self._power is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                back = np.asarray(self._power.inverse_transform(values))
            # Beyond the range of the transform there is no value.
            values = np.where(np.isfinite(back), back, np.where(values < 0, self._lowest_loss, _FARTHEST_LOSS))
            values = values.clip(self._lowest_loss, _FARTHEST_LOSS)
        losses: FloatArray = values * self._spread + self._mean
        return losses


def _power_transformer(scaled: FloatArray) -> PowerTransformer | None:
    """Return the fitted transform of (n, m) values; None if it would bend them too much."""
    power = PowerTransformer(method="yeo-johnson", standardize=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformed = power.fit_transform(scaled)
    usable = np.isfinite(transformed).all() and (np.abs(power.lambdas_) < _MOST_CURVED).all()
    return power if usable else None
