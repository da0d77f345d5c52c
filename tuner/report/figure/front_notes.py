"""The sentences beside the figure of a front: what it cannot show, and what its axes leave out."""

from collections.abc import Mapping, Sequence

from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.published import PUBLISHED_NOTE, PublishedPoint

Limits = tuple[float, float]
Place = tuple[float, float]

EVERY_EPOCH_NOTE = (
    "Each point is one evaluated epoch of a trial that no other epoch of this trial dominates. An early epoch is the "
    "model of a schedule that has not ended."
)


def figure_notes(data: FrontData, without_values: int, published: Sequence[PublishedPoint]) -> list[str]:
    """Return what a reader of the figure has to know; `without_values` trials have no place in it."""
    notes = [EVERY_EPOCH_NOTE] if data.every_epoch else []
    if data.repeats:
        notes.append(f"Points that were trained again with other seeds show their means. Repeats: {len(data.repeats)}.")
    if any(objective.limit is not None for objective in data.objectives[:2]):
        notes.append("The dotted lines are the limits of the search.")
    if len(data.objectives) == 1 and data.front:
        notes.append("The line is the best value so far.")
    if len(data.objectives) > 2:
        notes.append(
            f"Each pair of the {len(data.objectives)} objectives has a picture. The front is that of all objectives; "
            "the line is the best that it reaches in the two."
        )
    if without_values:
        notes.append(f"Trials without values, not shown: {without_values}.")
    if published:
        notes.append(PUBLISHED_NOTE)
    return notes


def outside_notes(places: Mapping[str, Sequence[Place]], limits: tuple[Limits, Limits]) -> tuple[str, ...]:
    """Return a sentence for each kind of mark, by its name, of which some are outside the axes."""
    counts = {what: count_outside(found, *limits) for what, found in places.items()}
    return tuple(f"{what} outside the axes: {count}." for what, count in counts.items() if count)


def count_outside(places: Sequence[Place], x_limits: Limits, y_limits: Limits) -> int:
    """Return how many places are outside the limits."""
    return sum(not (x_limits[0] <= x <= x_limits[1] and y_limits[0] <= y <= y_limits[1]) for x, y in places)
