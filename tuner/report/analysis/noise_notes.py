"""Which trials of a front cannot be told apart: by the number of validation images, and by the noise of the seed."""

import math
from itertools import pairwise

from training.metrics.interval import interval_of
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.text import count_of, noun_of, value_with_unit

# Differences that are smaller than this many of their standard deviations can be chance.
_CERTAIN = 2.0
_MOST_LISTED = 8
# Shares of the validation images. That of a single class is known from fewer.
_SHARES = ("natural_accuracy", "pgd_accuracy", "robust_accuracy")


def noise_notes(data: FrontData) -> list[str]:
    """Return sentences on how exact the front is, and on neighbours that noise can hide; none if nothing is known."""
    notes = [*_on_images(data), *_on_seeds(data)]
    alike = [pair for pair in pairwise(data.front) if is_alike(*pair, data)] if notes else []
    if alike:
        shown = ", ".join(f"{first.number} and {second.number}" for first, second in alike[:_MOST_LISTED])
        more = f", and {len(alike) - _MOST_LISTED} more pairs" if len(alike) > _MOST_LISTED else ""
        notes.append(f"Neighbours on the front that this can hide: {shown}{more}.")
    return notes


def is_alike(first: CompletedTrial, second: CompletedTrial, data: FrontData) -> bool:
    """Return whether the differences of two trials in all objectives can be chance.

    The variance of a difference is that of two seeds plus that of two binomial shares. Both trials are measured on the
    same images, so that the second part is rather too large. An objective of which nothing is known tells them apart.
    """
    for objective in data.objectives:
        variances = [_variance(objective.name, trial.metrics[objective.name], data) for trial in (first, second)]
        difference = abs(first.metrics[objective.name] - second.metrics[objective.name])
        if difference > _CERTAIN * math.sqrt(sum(variances)):
            return False
    return True


def _variance(name: str, value: float, data: FrontData) -> float:
    of_seeds = data.seed_noise.get(name, 0.0) ** 2
    if name not in _SHARES or data.validation_images is None:
        return of_seeds
    return of_seeds + value * (1 - value) / data.validation_images


def _on_images(data: FrontData) -> list[str]:
    shares = [objective.name for objective in data.objectives if objective.name in _SHARES]
    if data.validation_images is None or not shares or not data.front:
        return []
    name, count = shares[-1], data.validation_images
    middle = sorted(trial.metrics[name] for trial in data.front)[len(data.front) // 2]
    low, high = interval_of(round(middle * count), count)
    interval = f"the 95 % interval of a {noun_of(name)} of {value_with_unit(name, middle)} goes from {100 * low:.1f} to"
    return [f"Measured on {count_of(count, 'validation image')}: {interval} {100 * high:.1f} %."]


def _on_seeds(data: FrontData) -> list[str]:
    noise = {each.name: data.seed_noise[each.name] for each in data.objectives if each.name in data.seed_noise}
    if not noise or not data.front:
        return []
    listed = ", ".join(f"{noun_of(name)} {value_with_unit(name, deviation)}" for name, deviation in noise.items())
    return [f"Standard deviation of one training with another seed, estimated by the models: {listed}."]
