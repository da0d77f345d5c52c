"""How exact an accuracy on the validation images is, beside the accuracy in every table."""

from training.metrics.interval import interval_of
from tuner.report.text import format_metric, to_shown_unit

# Shares of the validation images. That of a single class is known from fewer.
_SHARES = ("natural_accuracy", "pgd_accuracy", "robust_accuracy")


def is_share(name: str) -> bool:
    """Return whether a metric is a share of the validation images."""
    return name in _SHARES


def interval(name: str, value: float | None, images: int | None) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric on so many validation images, in [0, 1].

    None if it is no share of them, or if their number or the value is not known.
    """
    if images is None or value is None or not is_share(name) or not 0 <= value <= 1:
        return None
    return interval_of(round(value * images), images)


def format_measured(name: str, value: float | None, images: int | None) -> str:
    """Return a metric as `format_metric` does, with half the width of its 95 % interval: "53.20 ±4.4"."""
    shown, found = format_metric(name, value), interval(name, value, images)
    return shown if found is None else f"{shown} ±{to_shown_unit(name, found[1] - found[0]) / 2:.1f}"
