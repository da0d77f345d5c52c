"""Spaces: what a search varies, what it keeps fixed, and what it may cost."""

from tuner.space.load import known_spaces, load_space, space_from_mapping
from tuner.space.model import Space

__all__ = ["Space", "known_spaces", "load_space", "space_from_mapping"]
