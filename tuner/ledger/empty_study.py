"""What a driver leaves in a shared database that dies while it makes a search: a study without a trial."""

import optuna

from tuner.ledger.connection import connect
from tuner.ledger.database_errors import named_trouble


def forget_unbegun(url: str, search: str, search_id: str) -> None:
    """Remove such a study, so that the search can be made again; for who holds the lock of the search.

    Only the study that has this `search_id`, or that has no facts yet, and never one with trials.
    """
    storage, *engines = connect(url)
    try:
        with named_trouble(url):
            study = optuna.load_study(study_name=search, storage=storage)
            unbegun = not study.get_trials(deepcopy=False)
            if unbegun and study.user_attrs.get("search_id") in {None, search_id}:
                optuna.delete_study(study_name=search, storage=storage)
    except KeyError:
        return
    finally:
        storage.remove_session()
        for engine in (storage.engine, *engines):
            engine.dispose()
