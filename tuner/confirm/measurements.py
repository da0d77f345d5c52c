"""How often a search's test set was measured: a record in the folder of the search, which outlives the confirmations.

Each look at the test set makes a choice by its figures easier, and the best of many figures too good.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.config import BEST_EPOCH
from tuner.confirm.table import LAST_EPOCH, PREFIX, attacks_of, confirm_section
from tuner.ledger import Outcome, TrialRecord
from tuner.runs.mirror import download, names_in, write_whole
from tuner.space import Space

FILE = "test_set.json"
_log = logging.getLogger(__name__)


def record_measurements(confirmation: Path, space: Space, trials: Sequence[TrialRecord]) -> None:
    """Write how often a confirmation has measured the test set so far into the folder of the search that it confirms.

    A later call replaces its entry. Nothing is written if that folder is gone. A folder that cannot be written to is
    reported in the log: the table of the confirmation does not depend on it.
    """
    confirm = confirm_section(space)
    runs, measured = confirmation.parent, [t for t in trials if t.outcome is Outcome.COMPLETED]
    if not measured or confirm.search not in names_in(runs):
        return
    entry = {
        "measurements": sum(_evaluations(trial) for trial in measured),
        "trials": confirm.trials,
        "measured": attacks_of(confirm),
        "images": confirm.images,
        "first": min(trial.started for trial in measured),
        "latest": max(trial.ended or trial.started for trial in measured),
    }
    folder = runs / confirm.search
    try:
        known = measurements(folder)
        if known.get(confirmation.name) != entry:
            content = json.dumps({**known, confirmation.name: entry}, indent=2) + "\n"
            folder.mkdir(parents=True, exist_ok=True)  # of a search in object storage
            write_whole(folder / FILE, content.encode())
    except OSError as error:
        _log.warning("The measurements on the test set could not be recorded in %s: %s", folder, error)


def measurements(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was measured on the test set for the search in `folder`, by the name of the confirmation."""
    try:
        content = json.loads(download(folder / FILE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def count_line(search: str, found: dict[str, dict[str, Any]]) -> str:
    """Return how often the test set was measured for a search, in words, with the count of each confirmation."""
    counts = {name: int(entry.get("measurements", 0)) for name, entry in found.items()}
    if not counts:
        return f"Test set: not measured yet for {search}."
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"Test set: measured {sum(counts.values())} times for {search} so far ({listed})."


def _evaluations(trial: TrialRecord) -> int:
    """Return how many models of a trial were measured: with `select: best` two, unless both are the same epoch."""
    metrics = trial.last_metrics
    both = any(name.startswith(PREFIX) and name.endswith(LAST_EPOCH) for name in metrics)
    return 2 if both and metrics.get(BEST_EPOCH) != trial.epochs_trained else 1
