"""The limits of the axes of a figure, and what lies outside them."""

from collections.abc import Sequence

Limits = tuple[float, float]
Place = tuple[float, float]

# A mark on the end of an axis of shares needs half of its width, as a share of the axis.
_RIM = 0.02


def axis_limits(front: Sequence[float], beside: Sequence[float], share: bool) -> Limits:
    """Return the limits of an axis that holds a front, and other marks up to half of its extent away.

    Trials at early rungs and collapsed trials lie far below the front: with them the front would be a dot in a corner.
    An axis in per cent ends a little beyond 0 and 100.
    """
    values = [*front, *beside]
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    # One or two trials do not show how far apart the others will be.
    if len(front) >= 3 and (span := max(front) - min(front)) > 0:
        low, high = max(low, min(front) - span / 2), min(high, max(front) + span / 2)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - margin, high + margin
    rim = _RIM * (high - low)
    return (max(low, -rim), min(high, 100 + rim)) if share else (low, high)


def count_outside(places: Sequence[Place], x_limits: Limits, y_limits: Limits) -> int:
    """Return how many places are outside the limits."""
    return sum(not (x_limits[0] <= x <= x_limits[1] and y_limits[0] <= y <= y_limits[1]) for x, y in places)
