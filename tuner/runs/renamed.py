"""A folder that somebody renamed: its ledger still knows the old name."""

from tuner.errors import UsageError
from tuner.ledger.renaming import recorded_name, rename
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock
from tuner.runs.names import require_name


def adopt_name(folder: SearchFolder, ledger: str | None) -> str:
    """Rename the search in the ledger of `folder` to the folder's name; return its old name.

    Raise UsageError if the ledger does not hold the search or holds another one of the new name, if no search may have
    that name, if a driver runs the search, or if the folder is a copy of one that is still there.
    """
    url, search_id = folder.ledger_url(ledger), folder.frozen()["search_id"]
    require_name(folder.name, "The folder's name")
    with driver_lock(folder.path, url):
        old = recorded_name(url, search_id)
        if old is None:
            raise UsageError(f"The ledger does not hold the search {folder.name}: use the right --ledger.", "--ledger")
        folder.require_original(old)
        if old != folder.name:
            rename(url, old, folder.name)
    return old
