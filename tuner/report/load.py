"""Searches as their readers see them: one search with its front, or a line for each search of a folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger, TrialRecord, as_interrupted
from tuner.report.analysis.confirmations import confirmed_trials
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.runs.folder import SearchFolder, all_searches, find_search, recorded_space
from tuner.runs.lock import is_driven
from tuner.search.stopping import finished
from tuner.space import Space


def load_search(runs_dir: Path, name: str, ledger_url: str | None = None) -> tuple[Space, list[TrialRecord], FrontData]:
    """Read a search from its ledger; raise UsageError if there is none of this name.

    Where no driver is at work, the trials that are running on record are shown as interrupted.
    """
    folder = find_search(runs_dir, name)
    space, trials = _read(folder.ledger(ledger_url))
    shown = trials if is_driven(folder.path, folder.ledger_url(ledger_url)) else as_interrupted(trials)
    data = front_data(name, shown, space.objective_list, space.reference, space.trial)
    return space, shown, replace(data, confirmed=confirmed_trials(runs_dir, name, shown))


def overview(runs_dir: Path, ledger_url: str | None = None) -> list[dict[str, Any]]:
    """Give a row for each search, the newest first; one that cannot be read says why, a confirmation has no front.

    `ledger_url` is the ledger of the searches that have none in their folder.
    """
    return [_row(folder, ledger_url) for folder in all_searches(runs_dir)]


def _read(ledger: SqlLedger) -> tuple[Space, list[TrialRecord]]:
    try:
        return recorded_space(ledger), ledger.load()
    finally:
        ledger.close()


def _row(folder: SearchFolder, ledger_url: str | None) -> dict[str, Any]:
    try:
        space, trials = _read(folder.ledger(folder.if_shared(ledger_url)))
        data = front_data(folder.name, trials, space.objective_list, space.reference)
        created = str(folder.frozen()["created"])
    except UsageError as error:
        return {"search": folder.name, "state": f"unreadable: {str(error).splitlines()[0]}"}
    # The figures of a confirmation are of the test set: a front of them would be one to choose from.
    ranked = space.confirm is None
    ended = sum(trial.outcome is not Outcome.RUNNING for trial in trials)
    return {
        "search": folder.name,
        "state": "finished" if finished(space, trials) else "unfinished",
        "ended": ended,
        "trials": space.search.trials,
        "front": len(data.front) if ranked else None,
        "hypervolume": data.hypervolume if ranked else None,
        "created": created,
        "space": space.name,
    }
