"""Changes of a space: `--set KEY=VALUE` with short keys, and options of a command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel

from training.config import trial_keys
from training.yaml_text import YamlTextError, parse_yaml
from tuner.errors import UsageError
from tuner.space import sections

# Keys of a space itself that need no dot in an override.
_OWN_KEYS = {"imports", "on_event"}
_SECTIONS: dict[str, type[BaseModel]] = {
    "search": sections.SearchSpec,
    "early_stopping": sections.EarlyStoppingSpec,
    "resources": sections.ResourcesSpec,
}


@dataclass(frozen=True)
class Override:
    """One change of a space: the dotted key, its value, and what errors call the origin of the change."""

    key: str
    value: Any
    setter: str

    @classmethod
    def of_flag(cls, key: str, value: Any) -> Self:
        """Return the change that an option of a command makes; the options have the names of the keys."""
        return cls(key, value, f"--{key.rpartition('.')[2].replace('_', '-')}")


def parse_overrides(texts: Sequence[str], flags: Mapping[str, Any]) -> list[Override]:
    """Return the changes by `--set KEY=VALUE`, then those by flags, such as {"search.trials": 8}.

    Raise UsageError for a key that is set twice.
    """
    by_flag = [Override.of_flag(key, value) for key, value in flags.items()]
    setters = {override.key: override.setter for override in by_flag}
    parsed = []
    for text in texts:
        override, subject = _parse(text), ("--set", text)
        # `parameters.alpha={...}` after `parameters.alpha.low=0` would drop that as well.
        twice = next((known for known in setters if f"{known}.".startswith(f"{override.key}.")), None)
        if twice is not None:
            raise UsageError(f"{override.setter}: {twice} is set by {setters[twice]} too; keep one.", subject)
        setters[override.key] = override.setter
        parsed.append(override)
    return parsed + by_flag


def _parse(text: str) -> Override:
    key, equals, value = text.partition("=")
    setter, subject = f"--set {text!r}", ("--set", text)
    if not equals or not key:
        raise UsageError(f"{setter} must have the form KEY=VALUE, such as train_fraction=0.1.", subject)
    key = full_key(key, setter, subject)
    if key == "on_event":  # a line for the shell is no YAML
        return Override(key, value or None, setter)
    try:
        return Override(key, parse_yaml(value), setter)
    except YamlTextError as error:
        raise UsageError(f"{setter}: {error}", subject) from error


def full_key(key: str, setter: str, subject: object) -> str:
    """Return the dotted key of a space for a short one: without a dot it is a key of `trial`.

    `imports` and `on_event` are keys of the space itself. Raise UsageError, which begins with `setter`, for the name of
    a key of another section.
    """
    if key not in trial_keys() and (elsewhere := _keys_in_sections(key)):
        raise UsageError(f"{setter}: no key of a trial; did you mean {' or '.join(elsewhere)}?", subject)
    return key if "." in key or key in _OWN_KEYS else f"trial.{key}"


def _keys_in_sections(key: str) -> list[str]:
    """Return the dotted keys of the search, its early stopping and its resources that end with `key`."""
    return [f"{name}.{key}" for name, section in _SECTIONS.items() if key in section.model_fields]


def set_key(mapping: dict[str, Any], key: str, value: Any) -> str:
    """Set a dotted key in the content of a space, and return the part of the key that was not there before.

    This is all of `search.trials` if there is a section `search`, and `saerch` of `saerch.trials` if there is none.
    Raise UsageError if a value stands above the key.
    """
    *parents, last = key.split(".")
    node: Any = mapping
    added = key
    for index, parent in enumerate(parents):
        if not isinstance(node, dict):
            break
        if parent not in node and added == key:
            added = ".".join(parents[: index + 1])
        node = node.setdefault(parent, {})
    if not isinstance(node, dict):
        raise UsageError(f"{key} cannot be set: {'.'.join(parents)} holds a value, not keys.", key)
    node[last] = value
    return added
