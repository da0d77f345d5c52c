"""The name of a search in its ledger, for a folder that somebody renamed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tuner.errors import UsageError
from tuner.ledger import reports
from tuner.ledger.connection import as_ledger_errors, connect, disconnect
from tuner.optuna_private import STUDIES, STUDY_ATTRIBUTES
from tuner.redact import without_password


@contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    connections = connect(url)
    try:
        yield connections[1]
    finally:
        disconnect(connections)


def recorded_name(url: str, search_id: str) -> str | None:
    """Return the name under which the ledger at `url` holds the search with this id; None if it holds none."""
    query = (
        sa.select(STUDIES.c.study_name)
        .join(STUDY_ATTRIBUTES, STUDY_ATTRIBUTES.c.study_id == STUDIES.c.study_id)
        .where(STUDY_ATTRIBUTES.c.key == "search_id", STUDY_ATTRIBUTES.c.value_json == json.dumps(search_id))
    )
    with as_ledger_errors(url), _engine(url) as engine, engine.connect() as connection:
        return connection.execute(query).scalar()


def rename(url: str, old: str, new: str) -> None:
    """Rename a search of the ledger at `url`, with all its reports and instructions, in one step.

    Raise UsageError if the ledger holds another search of the new name.
    """
    with as_ledger_errors(url), _engine(url) as engine, engine.begin() as connection:
        try:
            connection.execute(sa.update(STUDIES).where(STUDIES.c.study_name == old).values(study_name=new))
        except sa.exc.IntegrityError as error:
            found = f"The ledger {without_password(url)} holds another search named {new}"
            raise UsageError(f"{found}: give the folder a name that is free there, or rename it back.", new) from error
        for table in reports.metadata.sorted_tables:
            connection.execute(sa.update(table).where(table.c.search == old).values(search=new))
