"""The results of an unfinished evaluation, written to disk after every batch, so that it can be resumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.atomic_write import atomic_write
from training.attacks.adversary import AttackError

FORMAT = 1


class ResumeStateError(AttackError):
    """The state file belongs to another evaluation, has another format or is damaged."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """Where an evaluation keeps its state, and what must be the same to continue beside its own settings.

    `identity` is what the hash of the weights does not show, such as the source of the model; any JSON values.
    """

    path: Path
    identity: Mapping[str, Any] = field(default_factory=dict)


class ResumeState:
    """The outcome of each attack on each batch, any JSON value. Without a path it is only in memory."""

    def __init__(self, configuration: Mapping[str, Any], path: Path | None) -> None:
        """Read `path` if it exists. Raise ResumeStateError unless it was written for the same `configuration`."""
        self._configuration = json.loads(json.dumps(configuration))
        self._path = path
        self._batches: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            self._read(path)

    def has(self, attack: str, batch: int) -> bool:
        """Return whether there is an outcome for the attack and the batch."""
        return str(batch) in self._batches.get(attack, {})

    def outcome(self, attack: str, batch: int) -> Any:
        """Return the outcome for the attack and the batch."""
        return self._batches[attack][str(batch)]

    def put(self, attack: str, batch: int, outcome: Any) -> None:
        """Store the outcome and replace the file as a whole."""
        self._batches.setdefault(attack, {})[str(batch)] = outcome
        if self._path is None:
            return
        content = {"format": FORMAT, "configuration": self._configuration, "batches": self._batches}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path) as file:
            file.write(json.dumps(content, separators=(",", ":")).encode())

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text("utf-8"))
            found, batches, form = content["configuration"], content["batches"], content["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeStateError(
                f"{path} is damaged or is not the state of an evaluation ({error}); remove it.", path
            ) from error
        if form != FORMAT:
            raise ResumeStateError(f"{path} has format {form}, but must have {FORMAT}; remove it.", (path, "format"))
        differences = differences_between(found, self._configuration)
        if differences:
            raise ResumeStateError(
                f"{path} belongs to another evaluation ({'; '.join(differences.values())});"
                " choose another folder for the results with --out, or remove it.",
                (path, *differences),
            )
        self._batches = batches


def differences_between(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each key whose values differ, with both values, shortened."""
    return {
        key: f"{key} is {_short(found.get(key, 'absent'))} there, but {_short(wanted.get(key, 'absent'))} here"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key, "absent") != wanted.get(key, "absent")
    }


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
