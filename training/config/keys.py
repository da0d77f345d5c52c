"""All keys of a configuration with their owners, defaults and rules, for lists that are shown to users."""

from dataclasses import MISSING, Field, dataclass
from typing import Any

from training.config.trial import own_fields
from training.registry import REGISTRIES, file_key


@dataclass(frozen=True)
class Key:
    """One key: who has it (every trial, or a registered name), its default and what a value must be.

    `source` says where the default comes from, "" if nothing does.
    """

    key: str
    owner: str
    default: Any
    rule: str
    source: str


def all_keys() -> list[Key]:
    """Return the keys of every trial, then the knobs of each registered name."""
    keys = [_key(key, "every trial", each) for key, each in own_fields().items()]
    for registry in REGISTRIES:
        for name, knobs in registry.with_knobs():
            keys += [_key(file_key(knob), f"{registry.key} {name}", each) for knob, each in knobs.items()]
    return keys


def _key(key: str, owner: str, each: Field[Any]) -> Key:
    default = each.default_factory() if each.default_factory is not MISSING else each.default
    shown = list(default) if isinstance(default, tuple) else default
    return Key(key, owner, shown, each.metadata["rule"].description, each.metadata.get("source", ""))
