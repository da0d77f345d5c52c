"""The keys in which two spaces differ: a search must not mix trials of both."""

from collections.abc import Iterator
from typing import Any

from training.config import TrialConfig
from tuner.space.model import Space

# These change how much is searched and where, but not what the result of a trial means.
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
    """Return the keys that differ as "KEY: RECORDED, now ASKED", without those that may change on resume."""
    before, after = dict(_flat(_whole(recorded))), dict(_flat(_whole(asked)))
    return [
        f"{key}: {before.get(key, 'absent')!r}, now {after.get(key, 'absent')!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(_FREE)
    ]


def in_recorded_order(recorded: Space, asked: Space) -> Space:
    """Return an equal space with parameters and objectives in the recorded order.

    The values in the ledger, the proposals and the points of a grid depend on that order.
    """
    parameters = {name: asked.parameters[name] for name in recorded.parameters}
    objectives = {name: asked.objectives[name] for name in recorded.objectives}
    return asked.model_copy(update={"parameters": parameters, "objectives": objectives})


def _whole(space: Space) -> dict[str, Any]:
    """Return a space with the defaults of the trainer filled in, so that writing a default into the file is no change.

    An absent seed is the search's seed. If presets are searched, an absent key has the value of the preset.
    """
    mapping = space.model_dump(mode="json")
    if "preset" in space.parameters:
        return mapping
    elsewhere = {"seed", *space.parameters}
    defaults = {key: value for key, value in TrialConfig().to_mapping().items() if key not in elsewhere}
    return {**mapping, "trial": {**defaults, **mapping["trial"]}}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
