"""Which keys of `trial` a point uses, where the space searches names that have keys of their own.

With `objective: [trades, mma]` among the parameters, `trial` may give the knobs of both: a trial with `trades` leaves
those of `mma` out. A knob of a name that no trial can choose stays, so that the check of the configuration refuses it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from training.config import defaults_of, foreign_keys
from training.config.preset_files import with_preset
from training.outside_code import PlugInError
from training.registry import REGISTRIES, Registry, file_key

# Their values decide which other keys a trial has.
CHOOSING_KEYS = frozenset({"preset", *(registry.key for registry in REGISTRIES)})


def used_keys(
    trial: Mapping[str, Any], searched: Mapping[str, Any], possible: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return the keys of `trial` that a trial with the `searched` keys uses.

    `possible` are the values that each searched key has in some trial.
    """
    if not CHOOSING_KEYS & possible.keys():
        return dict(trial)
    foreign = set(foreign_keys(with_preset({**trial, **searched})))
    return {key: value for key, value in trial.items() if key not in foreign or not _has_use(key, trial, possible)}


def _has_use(key: str, trial: Mapping[str, Any], possible: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether some trial has a name with this knob. The key that gives the name may be a knob itself."""
    for registry in REGISTRIES:
        names = _possible_values(registry.key, trial, possible)
        if any(_has_knob(registry, name, key) for name in names):
            return not _is_knob(registry.key) or _has_use(registry.key, trial, possible)
    return False


def _possible_values(key: str, trial: Mapping[str, Any], possible: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
    if key in possible:
        return possible[key]
    if key in trial:
        return [trial[key]]
    presets = [with_preset({"preset": name}) for name in possible.get("preset", ())]
    return [*(preset[key] for preset in presets if key in preset), *defaults_of(key)]


def _is_knob(key: str) -> bool:
    return any(registry.owners(key) for registry in REGISTRIES)


def _has_knob(registry: Registry, name: Any, key: str) -> bool:
    try:
        return key in map(file_key, registry[name].knobs)
    except (KeyError, PlugInError):
        return False
