"""What users tell the driver of a search, in a table beside Optuna's tables, with the driver's answers.

Any process may give an instruction. Only the driver answers one: it has obeyed it, or refuses it with a reason. An
instruction that is given while no driver runs waits for the next one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tuner.ledger.records import Instruction, InstructionState
from tuner.ledger.reports import metadata
from tuner.optuna_private import STUDIES

table = sa.Table(
    "tuner_instructions",
    metadata,
    sa.Column("search", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("answer", sa.Text),
)


def insert(
    connection: sa.Connection, study_id: int, search: str, *, kind: str, arguments: Mapping[str, Any], time: float
) -> int:
    """Write a new instruction that waits, and return its number, the next one of its search.

    Two commands must not get one number. PostgreSQL needs a lock for that; in SQLite the statement that reads the last
    number also writes.
    """
    connection.execute(sa.select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id).with_for_update())
    newest = sa.select(sa.func.coalesce(sa.func.max(table.c.number), -1)).where(table.c.search == search)
    row = {"search": search, "kind": kind, "arguments": json.dumps(arguments), "time": time}
    written = table.insert().values(number=newest.scalar_subquery() + 1, state=InstructionState.WAITING.value, **row)
    return int(connection.execute(written.returning(table.c.number)).scalar_one())


def read(connection: sa.Connection, search: str, *, waiting: bool) -> Sequence[Instruction]:
    """Return the instructions of a search by number: all of them, or those that wait for an answer.

    An instruction whose arguments are no JSON object has none: the driver refuses it.
    """
    query = sa.select(table).where(table.c.search == search).order_by(table.c.number)
    if waiting:
        query = query.where(table.c.state == InstructionState.WAITING.value)
    return [
        Instruction(
            number=row.number,
            kind=row.kind,
            arguments=_mapping(row.arguments),
            time=row.time,
            state=_state(row.state),
            answer=row.answer,
        )
        for row in connection.execute(query)
    ]


def answer(connection: sa.Connection, search: str, number: int, state: InstructionState, text: str) -> None:
    """Write the driver's answer to an instruction."""
    chosen = (table.c.search == search) & (table.c.number == number)
    connection.execute(table.update().where(chosen).values(state=state.value, answer=text))


def _state(text: str) -> InstructionState:
    """Return a state; one that no release of this program writes counts as an answer, so that nobody waits for it."""
    return InstructionState(text) if text in set(InstructionState) else InstructionState.REFUSED


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
