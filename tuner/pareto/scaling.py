"""Objectives on one scale, so that distances between loss rows are meaningful."""

import numpy as np

from tuner.pareto.objectives import FloatArray


def scale_to_unit(losses: FloatArray) -> FloatArray:
    """Scale each objective of an (n, m) loss matrix linearly to [0, 1]: best 0, worst 1, constant 0.

    Infinite losses mark trials without a value: they get 1 (or 0 for minus infinity), beside the largest
    (smallest) finite one, and do not squeeze the others together.
    """
    finite = np.isfinite(losses)
    if not finite.all():
        low = np.where(finite, losses, np.inf).min(axis=0, initial=np.inf)
        high = np.where(finite, losses, -np.inf).max(axis=0, initial=-np.inf)
        # Nothing finite in a column: any common value makes the column constant.
        low, high = np.where(low > high, 0.0, low), np.where(low > high, 0.0, high)
        losses = np.clip(losses, low, high)
    low, high = losses.min(axis=0, initial=np.inf), losses.max(axis=0, initial=-np.inf)
    span = high - low
    scaled: FloatArray = (losses - low) / np.where(span > 0, span, 1.0)
    return scaled
