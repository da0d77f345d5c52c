"""Whether a search may continue with another space: the keys that differ, and the order on record."""

from collections.abc import Iterator
from typing import Any

from tuner.space.model import Space

# These keys, and those below `resources`, change how much is searched and where, but not what the result of a trial
# means.
FREE_KEYS = (
    "search.trials",
    "search.max_failures",
    "search.max_epochs",
    "search.patience",
    "resources",
    "trial.data_root",
    "trial.metrics",
    "description",
    "on_event",
)


def differing_keys(recorded: Space, asked: Space) -> dict[str, tuple[Any, Any]]:
    """Return the keys that differ with both values, without the keys that may change on resume."""
    before, after = dict(_flat(_whole(recorded))), dict(_flat(_whole(asked)))
    return {
        key: (before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(FREE_KEYS)
    }


def in_recorded_order(recorded: Space, asked: Space) -> Space:
    """Return an equal space with parameters, objectives and constraints in the recorded order.

    The values in the ledger, the proposals and the points of a grid depend on that order.
    """
    parameters = {name: asked.parameters[name] for name in recorded.parameters}
    objectives = {name: asked.objectives[name] for name in recorded.objectives}
    constraints = {name: asked.constraints[name] for name in recorded.constraints}
    changes = {"parameters": parameters, "objectives": objectives, "constraints": constraints}
    return asked.model_copy(update=changes)


def _whole(space: Space) -> dict[str, Any]:
    """Return a space with the defaults of the trainer filled in, so that writing a default into the file is no change.

    An absent seed is the search's seed. If presets are searched, an absent key has the value of the preset.
    """
    mapping = space.model_dump(mode="json")
    defaults = {key: value for key, value in space.defaults().items() if key != "seed"}
    return {**mapping, "trial": {**defaults, **mapping["trial"]}}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
