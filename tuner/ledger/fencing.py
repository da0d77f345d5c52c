"""The number of a study's driver: an earlier driver, which may still run, can write no more."""

import sqlalchemy as sa

from tuner.ledger.protocol import TakenOverError
from tuner.optuna_private import STUDY_ATTRIBUTES

_DRIVER = "driver"
# Built once: it runs with every report, and building it takes longer than running it.
_HOLDER = (
    sa.select(STUDY_ATTRIBUTES.c.value_json)
    .where(STUDY_ATTRIBUTES.c.study_id == sa.bindparam("study"), STUDY_ATTRIBUTES.c.key == _DRIVER)
    .with_for_update(read=True)
)


def take_over(connection: sa.Connection, study_id: int) -> int:
    """Return the number of a new driver, one more than the last one; part of a transaction.

    Every transaction that writes checks that its driver's number is still the last one. A lock alone is not enough: a
    lock in PostgreSQL ends with its connection, and a driver that has lost the connection, or whose machine was
    suspended, does not know it yet.
    """
    place = (STUDY_ATTRIBUTES.c.study_id == study_id) & (STUDY_ATTRIBUTES.c.key == _DRIVER)
    one_more = sa.cast(sa.cast(STUDY_ATTRIBUTES.c.value_json, sa.Integer) + 1, sa.String)
    if connection.execute(sa.update(STUDY_ATTRIBUTES).where(place).values(value_json=one_more)).rowcount == 0:
        connection.execute(sa.insert(STUDY_ATTRIBUTES), {"study_id": study_id, "key": _DRIVER, "value_json": "1"})
    return int(connection.execute(sa.select(STUDY_ATTRIBUTES.c.value_json).where(place)).scalar_one())


def require_holder(connection: sa.Connection, study_id: int, search: str, number: int) -> None:
    """Raise TakenOverError, which undoes the transaction, unless the study is there and `number` is its last driver's.

    Call it after the first row is written. Then no other driver can come in between: SQLite has one writer at a time,
    and PostgreSQL locks this row.
    """
    stored = connection.execute(_HOLDER, {"study": study_id}).scalar()
    if stored is None:
        raise lost_study(search)
    holder = int(stored)
    if holder != number:
        raise TakenOverError(
            f"Another driver has taken {search} over: it has driver number {holder}, and this one has {number}. "
            "This driver ends; what it has recorded is kept. `tuner list` shows how the search goes on.",
            (search, holder),
        )


def lost_study(search: str) -> TakenOverError:
    """Return the error of a ledger that no longer holds the study of a search."""
    return TakenOverError(
        f"The ledger no longer holds the study of {search}: another program has deleted or renamed it. If it was "
        f"renamed, `tuner adopt {search}` brings it back; if it was deleted, restore the ledger from a backup.",
        (search, None),
    )
