"""The frame of a picture: how far its axes go, and what lies outside."""

from collections.abc import Sequence

Limits = tuple[float, float]
Place = tuple[float, float]

# Half of a mark that lies on the end of an axis of shares, as a part of the axis.
_RIM = 0.02


def framed(front: Sequence[float], beside: Sequence[float], share: bool) -> Limits:
    """Give the limits of an axis that holds a front, and other marks up to half its extent away from it.

    Early rungs, and a completed trial that collapsed, lie far below the front and would press it into a corner. An axis
    of shares in per cent ends a little beyond 0 and 100.
    """
    values = [*front, *beside]
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    # One or two trials say too little about how far apart the others will be.
    if len(front) >= 3 and (span := max(front) - min(front)) > 0:
        low, high = max(low, min(front) - span / 2), min(high, max(front) + span / 2)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - margin, high + margin
    rim = _RIM * (high - low)
    return (max(low, -rim), min(high, 100 + rim)) if share else (low, high)


def outside(places: Sequence[Place], x_limits: Limits, y_limits: Limits) -> int:
    """Count the places outside a frame."""
    return sum(not (x_limits[0] <= x <= x_limits[1] and y_limits[0] <= y <= y_limits[1]) for x, y in places)
