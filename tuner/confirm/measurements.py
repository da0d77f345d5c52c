"""How often a search's test set was measured: a record in the folder of the search, which outlives the confirmations.

Each look at the test set makes a choice by its figures easier, and the best of many figures too good.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.config import BEST_EPOCH
from tuner.confirm.table import LAST_EPOCH, PREFIX, attacks_of, confirm_section
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import download, names_in, write_whole
from tuner.space import Space

FOLDER = "test_set"
_log = logging.getLogger(__name__)


def record_measurements(confirmation: Path, space: Space, trials: Sequence[TrialRecord]) -> None:
    """Write how often a confirmation has measured the test set so far into the folder of the search that it confirms.

    Each confirmation has a file of its own, named by its id: a later call replaces it, and a later confirmation of the
    same name does not. Nothing is written if the search is gone. A folder that cannot be written to is reported in the
    log: the table of the confirmation does not depend on it.
    """
    confirm = confirm_section(space)
    search, measured = SearchFolder(confirmation.parent / confirm.search), [t for t in trials if _is_measured(t)]
    if not measured or not download(search.space_file).is_file():
        return
    entry = {
        "confirmation": confirmation.name,
        "measurements": sum(_evaluations(trial) for trial in measured),
        "trials": confirm.trials,
        "measured": attacks_of(confirm),
        "images": confirm.images,
        "first": min(trial.started for trial in measured),
        "latest": max(trial.ended or trial.started for trial in measured),
    }
    try:
        if search.frozen()["search_id"] != confirm.search_id:  # a later search that took the name
            return
        file = search.path / FOLDER / f"{SearchFolder(confirmation).frozen()['search_id']}.json"
        if not file.is_file() or _entry(file) != entry:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, (json.dumps(entry, indent=2) + "\n").encode())
    except (OSError, UsageError) as error:
        _log.warning("The measurements on the test set could not be recorded in %s: %s", search.path, error)


def measurements(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was measured on the test set for the search in `folder`, by the id of the confirmation.

    What cannot be read is left out, and reported in the log.
    """
    try:
        files = [folder / FOLDER / name for name in names_in(folder / FOLDER) if name.endswith(".json")]
    except OSError as error:
        _log.warning("%s cannot be read (%s): its measurements are not counted.", folder / FOLDER, error)
        return {}
    found = {file.stem: _entry(download(file)) for file in files}
    return {confirmation: entry for confirmation, entry in found.items() if entry is not None}


def _entry(file: Path) -> dict[str, Any] | None:
    try:
        entry = json.loads(file.read_text("utf-8"))
        if isinstance(entry, dict) and isinstance(entry.get("measurements"), int):
            return entry
        reason: object = "it holds no count"
    except (OSError, ValueError) as error:
        reason = error
    _log.warning("%s cannot be read (%s): its measurements are not counted.", file, reason)
    return None


def count_line(search: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how often the test set was measured for a search, in words, with the count of each confirmation."""
    if not found:
        return f"Test set: not measured yet for {search}."
    counts = [(entry.get("confirmation", identifier), entry["measurements"]) for identifier, entry in found.items()]
    listed = ", ".join(f"{name} {count}" for name, count in counts)
    return f"Test set: measured {sum(count for _, count in counts)} times for {search} so far ({listed})."


def _is_measured(trial: TrialRecord) -> bool:
    return trial.outcome is Outcome.COMPLETED


def _evaluations(trial: TrialRecord) -> int:
    """Return how many models of a trial were measured: with `select: best` two, unless both are the same epoch."""
    metrics = trial.last_metrics
    both = any(name.startswith(PREFIX) and name.endswith(LAST_EPOCH) for name in metrics)
    return 2 if both and metrics.get(BEST_EPOCH) != trial.epochs_trained else 1
