"""`tuner delete`: remove a search with its files, its ledger and its runs in MLflow."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tuner.database_url import file_of_url
from tuner.driver.prune import size_of
from tuner.errors import UsageError
from tuner.ledger import SqlLedger, default_ledger_url
from tuner.redact import without_password
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.lock import LOCK_FILE, driver_lock
from tuner.runs.mirror import file_system, url_of
from tuner.tracking import store


@dataclass(frozen=True)
class Deletion:
    """What a deletion removes: trials, and bytes on this machine's disk (0 for object storage)."""

    folder: SearchFolder
    ledger_url: str
    tracking_uri: str
    trials: int
    size: int
    space: str
    search_id: str


def plan_deletion(folder: SearchFolder, ledger_url: str | None, tracking_uri: str | None) -> Deletion:
    """Return what a deletion would remove; remove nothing. Raise UsageError if the search cannot be read."""
    ledger = _ledger_left(folder, ledger_url)
    if ledger is None:
        space, trials = folder.space(), 0
    else:
        with ledger:
            space, trials = recorded_space(ledger), len(ledger.load())
    return Deletion(
        folder,
        folder.ledger_url(ledger_url),
        folder.tracking_uri(tracking_uri),
        trials,
        0 if url_of(folder.path) else size_of(folder.path),
        space.name,
        folder.frozen()["search_id"],
    )


def _ledger_left(folder: SearchFolder, ledger_url: str | None) -> SqlLedger | None:
    """Open the ledger of a search; return None if an interrupted deletion has removed the search from it already.

    A shared ledger counts only if it is the recorded one: with a wrong --ledger the search would stay in the right one.
    """
    try:
        return folder.ledger(ledger_url)
    except UsageError as error:
        recorded = folder.frozen().get("ledger")
        if error.subject == folder.name and recorded and without_password(folder.ledger_url(ledger_url)) == recorded:
            return None
        raise


def delete_search(deletion: Deletion, *, in_mlflow: bool) -> int:
    """Remove a search, first from MLflow and last its folder; return how many runs were removed from MLflow.

    If it is interrupted, it can be repeated. Raise UsageError if a driver runs the search, or if MLflow does not
    answer.
    """
    folder, runs = deletion.folder, 0
    with driver_lock(folder.path, deletion.ledger_url):
        if in_mlflow:
            runs = _delete_runs(deletion)
        if deletion.ledger_url != default_ledger_url(folder.path):
            ledger = _ledger_left(folder, deletion.ledger_url)
            if ledger is not None:
                ledger.delete()
        folder.space_file.unlink()  # first: without it no command takes the rest for a search
        if (url := url_of(folder.path)) is not None:
            system, path = file_system(url)
            system.delete_dir(path)
        _empty(folder.path)
    # On NFS the lock file leaves the folder only when it is closed. Another driver may have taken the name since.
    with suppress(OSError):
        folder.path.rmdir()
    return runs


def _empty(folder: Path) -> None:
    """Remove all that is in a folder, its lock last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == LOCK_FILE):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _delete_runs(deletion: Deletion) -> int:
    file = file_of_url(deletion.tracking_uri)
    if file is not None and not file.exists():  # MLflow would make a new database
        return 0
    from mlflow.exceptions import MlflowException

    from tuner.tracking.experiment import delete_runs

    store.require_reachable(deletion.tracking_uri)
    try:
        return delete_runs(deletion.tracking_uri, deletion.space, deletion.search_id)
    except MlflowException as error:
        way = "try again, or leave MLflow as it is with --no-mlflow"
        raise UsageError(f"MLflow cannot remove the runs: {error}. {way}.", "--no-mlflow") from error
