"""Which trials of a front cannot be told apart: by the number of validation images, and by the noise of the seed."""

import math
from itertools import pairwise

from training.config import unit_of
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.image_noise import interval, is_share
from tuner.report.text import count_of, noun_of, to_shown_unit, value_with_unit

# Differences that are smaller than this many of their standard deviations can be chance.
_CERTAIN = 2.0
_MOST_LISTED = 8
ALIKE_MARK = "≈"


def noise_notes(data: FrontData) -> list[str]:
    """Return sentences on how exact the front is, and on neighbours that noise can hide; none if nothing is known."""
    notes = [*_on_images(data), *_on_seeds(data)]
    alike = list(alike_neighbours(data).items())
    if alike:
        shown = ", ".join(f"{first} and {second}" for first, second in alike[:_MOST_LISTED])
        more = f", and {len(alike) - _MOST_LISTED} more pairs" if len(alike) > _MOST_LISTED else ""
        notes.append(f"Neighbours on the front that this can hide ({ALIKE_MARK}): {shown}{more}.")
    return notes


def alike_neighbours(data: FrontData) -> dict[str, str]:
    """Return the points of the front that noise can hide from the next one, each with that one, by their labels."""
    if data.validation_images is None and not data.seed_noise:
        return {}
    return {first.label: second.label for first, second in pairwise(data.front) if is_alike(first, second, data)}


def is_alike(first: CompletedTrial, second: CompletedTrial, data: FrontData) -> bool:
    """Return whether the differences of two trials in all objectives can be chance.

    The variance of a difference is that of two seeds plus that of two binomial shares; the mean over several trainings
    has less of the first. Both trials are measured on the
    same images, so that the second part is rather too large. An objective of which nothing is known tells them apart.
    """
    for objective in data.objectives:
        variances = [_variance(objective.name, trial, data) for trial in (first, second)]
        difference = abs(first.metrics[objective.name] - second.metrics[objective.name])
        if difference > _CERTAIN * math.sqrt(sum(variances)):
            return False
    return True


def _variance(name: str, trial: CompletedTrial, data: FrontData) -> float:
    value, of_seeds = trial.metrics[name], data.seed_noise.get(name, 0.0) ** 2 / trial.trainings
    if not is_share(name) or data.validation_images is None:
        return of_seeds
    return of_seeds + value * (1 - value) / data.validation_images


def _on_images(data: FrontData) -> list[str]:
    shares = [objective.name for objective in data.objectives if is_share(objective.name)]
    if data.validation_images is None or not shares or not data.front:
        return []
    name = shares[-1]
    middle = sorted(trial.metrics[name] for trial in data.front)[len(data.front) // 2]
    found = interval(name, middle, data.validation_images)
    if found is None:
        return []
    whole = f"that of a {noun_of(name)} of {value_with_unit(name, middle)} goes from {100 * found[0]:.1f} to"
    images = count_of(data.validation_images, "validation image")
    return [f"Measured on {images}; ± is half of the 95 % interval: {whole} {100 * found[1]:.1f} %."]


def _on_seeds(data: FrontData) -> list[str]:
    noise = {each.name: data.seed_noise[each.name] for each in data.objectives if each.name in data.seed_noise}
    if not noise or not data.front:
        return []
    listed = ", ".join(
        f"{noun_of(name)} {to_shown_unit(name, deviation):.2g} {unit_of(name)}".rstrip()
        for name, deviation in noise.items()
    )
    rough = f"a rough estimate by the models from {count_of(len(data.points) + len(data.repeats), 'completed trial')}"
    return [f"Standard deviation of one training with another seed, {rough}: {listed}."]
