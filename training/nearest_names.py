"""Suggestions for a misspelt name: which of the known ones may have been meant."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> str:
    """Return 'did you mean A or B?' with the `most` nearest known names, or an empty text if none is near.

    `cutoff`, in [0, 1], is the least similarity of a near name (`difflib.SequenceMatcher.ratio`).
    """
    near = difflib.get_close_matches(name, list(known), n=most, cutoff=cutoff)
    return f"did you mean {' or '.join(near)}?" if near else ""


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for a key that does not exist, with the nearest known keys, or all of them if none is near."""
    names = list(known)
    return "unknown key; " + (did_you_mean(key, names, most=2) or f"the known ones are {', '.join(names)}")
