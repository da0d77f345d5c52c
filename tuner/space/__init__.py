"""Spaces: what a search varies, what it keeps fixed, and what it may cost."""

from tuner.space.description import parameter_lines
from tuner.space.model import Space
from tuner.space.points import STOP_AFTER
from tuner.space.repeats import MOST_SEEDS, SEED
from tuner.space.space_file import known_spaces, load_space, space_from_mapping

__all__ = [
    "MOST_SEEDS",
    "SEED",
    "STOP_AFTER",
    "Space",
    "known_spaces",
    "load_space",
    "parameter_lines",
    "space_from_mapping",
]
