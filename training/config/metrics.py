"""What a trial reports that a search may optimise, and the unit of accuracies."""

METRICS = (
    "natural_accuracy",
    "pgd_accuracy",
)
ACCURACY_SUFFIX = "_accuracy"
# What noise of a small validation set adds to the chance level: half of it, but at most 5 points.
_NOISE, _MOST_NOISE = 0.5, 0.05


def is_accuracy(name: str) -> bool:
    """Return whether a metric is a share in [0, 1] that is shown in per cent: `*_accuracy`."""
    return name.endswith(ACCURACY_SUFFIX)


def is_chance_level(natural_accuracy: float, classes: int) -> bool:
    """Return whether a natural accuracy is about that of guessing one of so many classes."""
    chance = 1 / classes
    return natural_accuracy <= chance + min(_NOISE * chance, _MOST_NOISE)


def share_fault(name: str, value: float) -> str | None:
    """Return what is wrong with `value` as a bound of the metric `name`, or None if it may be one."""
    if not is_accuracy(name) or 0 <= value <= 1:
        return None
    way = f"write {value / 100:g} for {value:g} %" if 1 < value <= 100 else "0.8 is 80 %"
    return f"an accuracy is a share from 0 to 1: {way}"
