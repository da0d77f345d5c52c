"""The names of classes: a label means nothing without them, and data sets can have the same number of classes."""

from collections.abc import Sequence


def naming_difference(found: Sequence[str], known: Sequence[str]) -> str:
    """Return in words how the names of the classes of two data sets differ; an empty text if they do not.

    Labels are places in these lists, so the order counts.
    """
    if tuple(found) == tuple(known):
        return ""
    if len(found) != len(known):
        only = [name for name in found if name not in known] or [name for name in known if name not in found]
        more = f"; {only[0]!r} is in one of them only" if only else ""
        return f"{len(found)} classes, but {len(known)} are known{more}"
    label = next(place for place, pair in enumerate(zip(found, known, strict=True)) if pair[0] != pair[1])
    kind = "the same classes in another order" if sorted(found) == sorted(known) else "classes of other names"
    return f"{kind}: label {label} is {found[label]!r}, but {known[label]!r} is known"
