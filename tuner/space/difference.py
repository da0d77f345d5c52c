"""What differs between two spaces, for the refusal to mix the trials of both in one search."""

from collections.abc import Iterator
from typing import Any

from tuner.space.model import Space

# These change how much is searched and where it runs, not what a trial's result means.
_FREE = (
    "search.trials",
    "search.max_failures",
    "search.max_epochs",
    "search.patience",
    "resources.",
    "trial.data_root",
    "description",
)


def differing_keys(recorded: Space, asked: Space) -> list[str]:
    """List the keys that differ as "KEY: RECORDED, now ASKED", leaving out those that may change on resume."""
    before = dict(_flat(recorded.model_dump(mode="json")))
    after = dict(_flat(asked.model_dump(mode="json")))
    return [
        f"{key}: {before.get(key, 'absent')!r}, now {after.get(key, 'absent')!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(_FREE)
    ]


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
