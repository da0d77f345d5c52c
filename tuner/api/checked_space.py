"""A space that is built in Python: the same content, and the same checks, as a space file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.yaml_text import format_yaml
from tuner.runs.mirror import write_whole
from tuner.space import Space as CheckedSpace
from tuner.space import load_space
from tuner.space.overrides import Override, full_key


class Space(CheckedSpace):
    """What a search varies, what it keeps fixed, and what it may cost.

        Space(
            name="digits_lambda",
            trial={"dataset": "digits", "architecture": "digits_cnn", "augmentation": "none", "epochs": 9},
            parameters={"lambda": {"type": "float", "low": 0.1, "high": 30, "log": True}},
            objectives={"natural_accuracy": {}, "pgd_accuracy": {}},
            search={"trials": 8},
        )

    The arguments are the keys of a space file, with plain values. Raise UsageError with all faults at once.
    """

    def __init__(self, *, name: str, trial: Mapping[str, Any], parameters: Mapping[str, Any], **others: Any) -> None:
        given = {"name": name, "trial": dict(trial), "parameters": dict(parameters), **others}
        super().__init__(**content(load_space(given)))

    @classmethod
    def load(cls, name_or_path: str | Path, changes: Mapping[str, Any] | None = None) -> "Space":
        """Return a space by its name, or from a file.

        `changes` are values by their dotted keys, such as {"search.trials": 8, "train_fraction": 0.1}; a key without a
        dot is one of `trial`, as with the option `--set`.
        """
        return cls._of(load_space(str(name_or_path), changes=_overrides(changes or {})))

    def changed(self, changes: Mapping[str, Any]) -> "Space":
        """Return a copy with other values, given as for `load`."""
        return self._of(load_space(self.content(), changes=_overrides(changes)))

    def content(self) -> dict[str, Any]:
        """Return the content of the space file, as plain values."""
        return content(self)

    def save(self, path: str | Path) -> Path:
        """Write the space file, and return its path."""
        return write_whole(Path(path), format_yaml(self.content()).encode())

    @classmethod
    def _of(cls, checked: CheckedSpace) -> "Space":
        return cls.model_construct(checked.model_fields_set, **dict(checked))


def _overrides(changes: Mapping[str, Any]) -> list[Override]:
    return [Override(full_key(key, key, key), value, f"the change of {key}") for key, value in changes.items()]


def content(space: CheckedSpace) -> dict[str, Any]:
    """Return the keys that the author of a space has given, as plain values."""
    return space.model_dump(mode="json", exclude_unset=True)
