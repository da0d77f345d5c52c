"""What differs between two spaces, for the refusal to mix the trials of both in one search."""

from collections.abc import Iterator
from typing import Any

from training.config import TrialConfig
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
    before, after = dict(_flat(_whole(recorded))), dict(_flat(_whole(asked)))
    return [
        f"{key}: {before.get(key, 'absent')!r}, now {after.get(key, 'absent')!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(_FREE)
    ]


def in_recorded_order(recorded: Space, asked: Space) -> Space:
    """Give a space that differs in nothing with parameters and objectives in the order on record.

    The ledger's values, the proposals and the points of a grid go by it.
    """
    parameters = {name: asked.parameters[name] for name in recorded.parameters}
    objectives = {name: asked.objectives[name] for name in recorded.objectives}
    return asked.model_copy(update={"parameters": parameters, "objectives": objectives})


def _whole(space: Space) -> dict[str, Any]:
    """Return a space with the trainer's defaults written out, so that it is no change to write one into the file.

    A seed that is absent is the search's, and where presets are searched, an absent key has the preset's value.
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
