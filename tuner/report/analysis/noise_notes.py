"""Which trials of a front one training each cannot tell apart, by the noise that the models estimate."""

import math
from itertools import pairwise

from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.text import noun_of, value_with_unit

# Differences of two trainings that are smaller than this many of their standard deviations can be chance.
_CERTAIN = 2.0
_MOST_LISTED = 8


def noise_notes(data: FrontData) -> list[str]:
    """Return sentences on the noise of one training and on neighbours that it hides; none if it was not estimated."""
    noise = {each.name: data.seed_noise[each.name] for each in data.objectives if each.name in data.seed_noise}
    if not noise or not data.front:
        return []
    listed = ", ".join(f"{noun_of(name)} {value_with_unit(name, deviation)}" for name, deviation in noise.items())
    notes = [f"Standard deviation of one training with another seed, estimated by the models: {listed}."]
    alike = [pair for pair in pairwise(data.front) if _is_alike(*pair, noise)]
    if alike:
        shown = ", ".join(f"{first.number} and {second.number}" for first, second in alike[:_MOST_LISTED])
        more = f", and {len(alike) - _MOST_LISTED} more pairs" if len(alike) > _MOST_LISTED else ""
        notes.append(f"Neighbours on the front that this noise can hide: {shown}{more}.")
    return notes


def _is_alike(first: CompletedTrial, second: CompletedTrial, noise: dict[str, float]) -> bool:
    """Return whether the differences of two trials in all objectives can be chance."""
    return all(
        abs(first.metrics[name] - second.metrics[name]) < _CERTAIN * math.sqrt(2) * deviation
        for name, deviation in noise.items()
    )
