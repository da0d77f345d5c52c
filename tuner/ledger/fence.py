"""Which driver may write to a ledger: the last one that took it over.

A lock alone is not enough. A lock in PostgreSQL ends with its connection, and a driver that has lost the connection,
or whose machine was suspended, does not know it yet. So each driver takes the ledger over with a number, one more
than the number before. Every transaction that writes checks that its driver's number is still the last one.
"""

import sqlalchemy as sa

from tuner.ledger.protocol import TakenOverError
from tuner.optuna_private import STUDY_ATTRIBUTES

_KEY = "driver"
_attributes = STUDY_ATTRIBUTES
# Built once: it runs with every report, and building it takes longer than running it.
_HOLDER = (
    sa.select(_attributes.c.value_json)
    .where(_attributes.c.study_id == sa.bindparam("study"), _attributes.c.key == _KEY)
    .with_for_update(read=True)
)


def take_over(connection: sa.Connection, study_id: int) -> int:
    """Return the number of a new driver, after which all earlier drivers are refused; part of a transaction."""
    place = (_attributes.c.study_id == study_id) & (_attributes.c.key == _KEY)
    one_more = sa.cast(sa.cast(_attributes.c.value_json, sa.Integer) + 1, sa.String)
    if connection.execute(sa.update(_attributes).where(place).values(value_json=one_more)).rowcount == 0:
        connection.execute(sa.insert(_attributes), {"study_id": study_id, "key": _KEY, "value_json": "1"})
    return int(connection.execute(sa.select(_attributes.c.value_json).where(place)).scalar_one())


def require_holder(connection: sa.Connection, study_id: int, search: str, number: int) -> None:
    """Raise TakenOverError, which undoes the transaction, unless `number` is the number of the last driver.

    Call it after the first row is written. Then no other driver can come in between: SQLite has one writer at a time,
    and PostgreSQL locks this row.
    """
    holder = int(connection.execute(_HOLDER, {"study": study_id}).scalar_one())
    if holder != number:
        raise TakenOverError(
            f"Another driver has taken {search} over: it has driver number {holder}, and this one has {number}. "
            "This driver ends; what it has recorded is kept. `tuner list` shows how the search goes on."
        )
