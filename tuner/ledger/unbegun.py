"""What a driver leaves in a shared database that dies while it makes a search: a study without a trial."""

import optuna

from tuner.ledger.connection import connect


def forget_unbegun(url: str, search: str, search_id: str | None = None) -> None:
    """Remove such a study, so that the search can be made again; for who holds the lock of the search.

    With a `search_id` only the one that has it, or that has no facts yet. A study with trials always stays.
    """
    storage = connect(url)[0]
    try:
        study = optuna.load_study(study_name=search, storage=storage)
        known = study.user_attrs.get("search_id")
        if not study.get_trials(deepcopy=False) and (search_id is None or known in {None, search_id}):
            optuna.delete_study(study_name=search, storage=storage)
    except KeyError:
        return
    finally:
        storage.remove_session()
        storage.engine.dispose()
