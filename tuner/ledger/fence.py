"""Which driver may write to a ledger: the last one that took it over.

A lock alone is not enough. A lock in PostgreSQL goes with its connection, and a driver that has lost it, or that slept
with its machine, does not know yet. So each driver takes the ledger over with a number, one more than that before it,
and what it writes is kept only while the number is still its own: the check is part of every transaction that writes.
"""

from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models

from tuner.ledger.database_errors import LedgerError

_KEY = "driver"
_attributes: Any = models.StudyUserAttributeModel.__table__
# Made once: it is asked with every report, and to make it takes longer than to ask it.
_HOLDER = (
    sa.select(_attributes.c.value_json)
    .where(_attributes.c.study_id == sa.bindparam("study"), _attributes.c.key == _KEY)
    .with_for_update(read=True)
)


class TakenOverError(LedgerError):
    """Another driver has taken the ledger over, so this one's search goes on without it."""


def take_over(connection: sa.Connection, study_id: int) -> int:
    """Give the number of a new driver, from which on all earlier ones are refused; part of a transaction."""
    place = (_attributes.c.study_id == study_id) & (_attributes.c.key == _KEY)
    one_more = sa.cast(sa.cast(_attributes.c.value_json, sa.Integer) + 1, sa.String)
    if connection.execute(sa.update(_attributes).where(place).values(value_json=one_more)).rowcount == 0:
        connection.execute(sa.insert(_attributes), {"study_id": study_id, "key": _KEY, "value_json": "1"})
    return int(connection.execute(sa.select(_attributes.c.value_json).where(place)).scalar_one())


def require_holder(connection: sa.Connection, study_id: int, search: str, number: int) -> None:
    """Raise TakenOverError, which undoes the transaction, unless `number` is that of the last driver.

    Asked after the first row was written: from then on no other driver gets in between, in SQLite because there is one
    writer at a time, in PostgreSQL because this row is locked.
    """
    holder = int(connection.execute(_HOLDER, {"study": study_id}).scalar_one())
    if holder != number:
        raise TakenOverError(
            f"Another driver has taken {search} over (its driver number {holder}; this is number {number}): this one "
            "ends, and what it has recorded is kept. `tuner list` shows how the search goes on."
        )
