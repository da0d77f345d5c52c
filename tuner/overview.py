"""Searches as their readers see them: one search with its front, or a line for each search of a folder."""

from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.folder import SearchFolder, all_searches, find_search
from tuner.ledger import Outcome, TrialRecord
from tuner.report.front_data import FrontData, front_data
from tuner.space import Space


def load_search(runs_dir: Path, name: str, ledger_url: str | None = None) -> tuple[Space, list[TrialRecord], FrontData]:
    """Read a search from its ledger; raise UsageError if there is none of this name."""
    return _load(find_search(runs_dir, name), ledger_url)


def overview(runs_dir: Path) -> list[dict[str, Any]]:
    """Give a row for each search, the newest first; one that cannot be read says why."""
    return [_row(folder) for folder in all_searches(runs_dir)]


def _load(folder: SearchFolder, ledger_url: str | None) -> tuple[Space, list[TrialRecord], FrontData]:
    ledger = folder.open_ledger(ledger_url)
    try:
        space = Space.model_validate(ledger.facts()["space"])
        trials = ledger.load()
    finally:
        ledger.close()
    return space, trials, front_data(folder.name, trials, space.objective_list, space.reference, space.trial)


def _row(folder: SearchFolder) -> dict[str, Any]:
    try:
        space, trials, data = _load(folder, None)
        created = str(folder.frozen().get("created", ""))
    except UsageError as error:
        return {"search": folder.name, "state": f"unreadable: {str(error).splitlines()[0]}"}
    ended = sum(trial.outcome is not Outcome.RUNNING for trial in trials)
    return {
        "search": folder.name,
        "state": "finished" if ended >= space.search.trials else "unfinished",
        "ended": ended,
        "trials": space.search.trials,
        "front": len(data.front),
        "hypervolume": data.hypervolume,
        "created": created,
        "space": space.name,
    }
