"""A folder that somebody renamed: its ledger still knows the old name."""

from tuner.errors import UsageError
from tuner.ledger.renaming import recorded_name, rename
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock


def adopt_name(folder: SearchFolder, ledger: str | None) -> str:
    """Rename the search in the ledger of `folder` to the folder's name; return its old name.

    Raise UsageError if the ledger does not hold the search, if a driver runs it, or if the folder is a copy of one that
    is still there: two searches with one id would write over each other in MLflow.
    """
    url, search_id = folder.ledger_url(ledger), folder.frozen()["search_id"]
    with driver_lock(folder.path, url):
        old = recorded_name(url, search_id)
        if old is None:
            raise UsageError(f"The ledger does not hold the search {folder.name}: use the right --ledger.", "--ledger")
        other = SearchFolder(folder.path.with_name(old))
        if old != folder.name and other.space_file.is_file() and other.frozen().get("search_id") == search_id:
            raise UsageError(
                f"{folder.path} is a copy of {other.path}, and a search has one folder: remove one of them. "
                f"`tuner run --warm-start {old}` starts a new search that learns from it.",
                old,
            )
        rename(url, old, folder.name)
    return old
