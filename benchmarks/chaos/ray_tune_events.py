"""The events of a search of Ray Tune in order: a line of JSON for each, from the driver and its workers."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What happened."""

    STARTED = "started"  # a trial, for the first time or again
    BEGUN = "begun"  # an epoch, in a worker
    RECORDED = "recorded"  # an epoch, by the driver, after MLflow's callback got its metrics
    ENDED = "ended"  # a trial, complete for the driver
    RESTORING = "restoring"  # an experiment that exists already
    FAILED = "failed"  # the driver, by an exception


@dataclass(frozen=True)
class Event:
    """One line; `trial` is Ray's name of the trial, `epoch` counts from 1, `text` describes an exception."""

    kind: Kind
    trial: str = ""
    epoch: int = 0
    parameters: dict[str, Any] | None = None
    text: str = ""


def note(file: Path, event: Event) -> None:
    """Append an event; several processes may do this at once."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(event)) + "\n")


def read_events(file: Path) -> list[Event]:
    """Read all events in order; none if the file does not exist yet."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Event(**{**line, "kind": Kind(line["kind"])}) for line in map(json.loads, lines)]
