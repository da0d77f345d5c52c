"""Removal of the study that a driver leaves in a shared database if it dies while it creates a search."""

import optuna

from tuner.ledger.connection import connect
from tuner.ledger.database_errors import as_ledger_errors


def remove_empty_study(url: str, search: str, search_id: str) -> None:
    """Remove such a study, so that the search can be created again; call it only while holding the search's lock.

    It removes only a study that has this `search_id` or no facts yet, and never one with trials.
    """
    storage, *engines = connect(url)
    try:
        with as_ledger_errors(url):
            study = optuna.load_study(study_name=search, storage=storage)
            empty = not study.get_trials(deepcopy=False)
            if empty and study.user_attrs.get("search_id") in {None, search_id}:
                optuna.delete_study(study_name=search, storage=storage)
    except KeyError:
        return
    finally:
        storage.remove_session()
        for engine in (storage.engine, *engines):
            engine.dispose()
