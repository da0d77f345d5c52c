"""What a trial reports that a search may optimise, and the unit of accuracies."""

METRICS = (
    "natural_accuracy",
    "pgd_accuracy",
)
ACCURACY_SUFFIX = "_accuracy"
_CLASSES = {"digits": 10, "mnist": 10, "cifar10": 10, "cifar100": 100}
# A share of the chance level that noise of a small validation set does not reach.
_ABOVE_CHANCE = 1.5


def is_accuracy(name: str) -> bool:
    """Return whether a metric is a share in [0, 1] that is shown in per cent: `*_accuracy`."""
    return name.endswith(ACCURACY_SUFFIX)


def is_chance_level(natural_accuracy: float, dataset: str) -> bool:
    """Return whether a natural accuracy is about that of guessing one class of a known data set."""
    return dataset in _CLASSES and natural_accuracy <= _ABOVE_CHANCE / _CLASSES[dataset]


def share_fault(name: str, value: float) -> str | None:
    """Return what is wrong with `value` as a bound of the metric `name`, or None if it may be one."""
    if not is_accuracy(name) or 0 <= value <= 1:
        return None
    way = f"write {value / 100:g} for {value:g} %" if 1 < value <= 100 else "0.8 is 80 %"
    return f"an accuracy is a share from 0 to 1: {way}"
