"""Read and write the trials of an Optuna study, and the number of its driver, straight in its tables.

Optuna itself takes many seconds to read 10,000 trials, mostly for objects that are not needed here. It writes each
attribute of a trial in a transaction of its own and reads the study again for each parameter: tens of milliseconds,
while all reports of all trials wait. Optuna checks the layout of its tables when it opens them.
"""

import json
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import TrialState

from tuner.ledger.protocol import TakenOverError, TrialEndedError
from tuner.optuna_private import (
    ENQUEUED_KEY,
    STUDIES,
    STUDY_ATTRIBUTES,
    TRIAL_ATTRIBUTES,
    TRIAL_PARAMETERS,
    TRIAL_SYSTEM_ATTRIBUTES,
    TRIAL_VALUES,
    TRIALS,
    stored_value,
)

_DRIVER = "driver"
# Built once: they run with every report, and building them takes longer than running them.
_HOLDER = (
    sa.select(STUDY_ATTRIBUTES.c.value_json)
    .where(STUDY_ATTRIBUTES.c.study_id == sa.bindparam("study"), STUDY_ATTRIBUTES.c.key == _DRIVER)
    .with_for_update(read=True)
)
_STATE = sa.select(TRIALS.c.state).where(TRIALS.c.trial_id == sa.bindparam("trial"))


class TrialRow(NamedTuple):
    """One trial as Optuna keeps it. `started` and `ended` are Optuna's own times, in seconds since 1970."""

    trial_id: int
    number: int
    state: TrialState
    parameters: dict[str, Any]
    attributes: dict[str, Any]
    started: float | None
    ended: float | None


def read_trials(connection: sa.Connection, study_id: int, trial_id: int | None = None) -> list[TrialRow]:
    """Return all trials of a study in the order of their numbers, or only the one with this key."""
    return _read(connection, TRIALS.c.study_id == study_id if trial_id is None else TRIALS.c.trial_id == trial_id)


def _read(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> list[TrialRow]:
    # Trials first: a driver may write meanwhile, and it writes what belongs to a row together with the row.
    rows = connection.execute(sa.select(TRIALS).where(chosen).order_by(TRIALS.c.number)).all()
    if not rows:
        return []
    if not all(isinstance(row.number, int) for row in rows):
        raise TypeError("a trial has no number")
    parameters: dict[int, dict[str, Any]] = defaultdict(dict)
    named = sa.select(TRIAL_PARAMETERS).join(TRIALS, TRIALS.c.trial_id == TRIAL_PARAMETERS.c.trial_id).where(chosen)
    for row in connection.execute(named.order_by(TRIAL_PARAMETERS.c.param_id)).all():
        value = _distribution(row.distribution_json).to_external_repr(row.param_value)
        parameters[row.trial_id][row.param_name] = value
    attributes: dict[int, dict[str, Any]] = defaultdict(dict)
    noted = sa.select(TRIAL_ATTRIBUTES).join(TRIALS, TRIALS.c.trial_id == TRIAL_ATTRIBUTES.c.trial_id).where(chosen)
    for row in connection.execute(noted).all():
        attributes[row.trial_id][row.key] = json.loads(row.value_json)
    return [
        TrialRow(
            trial_id=row.trial_id,
            number=row.number,
            state=row.state,
            parameters=parameters[row.trial_id],
            attributes=attributes[row.trial_id],
            started=_seconds(row.datetime_start),
            ended=_seconds(row.datetime_complete),
        )
        for row in rows
    ]


def insert_trial(
    connection: sa.Connection,
    study_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> tuple[int, int]:
    """Write a new running trial; return its key and its number."""
    trial_id, number = _insert_row(connection, study_id, TrialState.RUNNING, _now())
    _write_parameters(connection, trial_id, parameters, distributions)
    return trial_id, number


def enqueue_trial(connection: sa.Connection, study_id: int, parameters: Mapping[str, Any]) -> int:
    """Write a waiting trial as `Study.enqueue_trial` does, and return its number."""
    trial_id, number = _insert_row(connection, study_id, TrialState.WAITING, None)
    row = {"trial_id": trial_id, "key": ENQUEUED_KEY, "value_json": json.dumps(parameters)}
    connection.execute(sa.insert(TRIAL_SYSTEM_ATTRIBUTES), row)
    return number


def _insert_row(
    connection: sa.Connection, study_id: int, state: TrialState, started: datetime | None
) -> tuple[int, int]:
    """Write the row of a new trial; return its key and its number, the next one of its study.

    Other clients add trials, too, and two trials must not get one number. PostgreSQL needs the lock of the study that
    Optuna itself takes. SQLite has no such lock: there the statement that reads the last number also writes.
    """
    connection.execute(sa.select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id).with_for_update())
    newest = sa.select(sa.func.coalesce(sa.func.max(TRIALS.c.number), -1)).where(TRIALS.c.study_id == study_id)
    trial = {"study_id": study_id, "state": state, "datetime_start": started}
    written = sa.insert(TRIALS).values(number=newest.scalar_subquery() + 1, **trial)
    trial_id, number = connection.execute(written.returning(TRIALS.c.trial_id, TRIALS.c.number)).one()
    return int(trial_id), int(number)


def enqueued_trials(connection: sa.Connection, study_id: int) -> dict[int, dict[str, Any]]:
    """Return the parameters of the trials that other Optuna clients have enqueued in a study, by number.

    `Study.enqueue_trial` writes them into a system attribute, and a client that adds a waiting trial may write them as
    its parameters. Optuna uses the latter if both are there.
    """
    waiting = (TRIALS.c.study_id == study_id) & (TRIALS.c.state == TrialState.WAITING)
    rows = _read(connection, waiting)
    if not rows:
        return {}
    system, fixed = TRIAL_SYSTEM_ATTRIBUTES, TRIAL_SYSTEM_ATTRIBUTES.c.key == ENQUEUED_KEY
    chosen = sa.select(system).join(TRIALS, TRIALS.c.trial_id == system.c.trial_id).where(waiting, fixed)
    wanted: dict[int, dict[str, Any]] = defaultdict(dict)
    for found in connection.execute(chosen):
        value = json.loads(found.value_json)
        wanted[found.trial_id] = value if isinstance(value, dict) else {ENQUEUED_KEY: value}  # no space has this name
    return {row.number: wanted[row.trial_id] | row.parameters for row in rows}


def start_enqueued(
    connection: sa.Connection,
    trial_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> bool:
    """Make a running trial of an enqueued one; return False if another client has taken or removed it."""
    waiting = (TRIALS.c.trial_id == trial_id) & (TRIALS.c.state == TrialState.WAITING)
    started = sa.update(TRIALS).where(waiting).values(state=TrialState.RUNNING, datetime_start=_now())
    if connection.execute(started).rowcount != 1:
        return False
    connection.execute(sa.delete(TRIAL_PARAMETERS).where(TRIAL_PARAMETERS.c.trial_id == trial_id))
    _write_parameters(connection, trial_id, parameters, distributions)
    return True


def is_running(connection: sa.Connection, trial_id: int) -> bool:
    """Return whether a trial has not ended."""
    return connection.execute(_STATE, {"trial": trial_id}).scalar() is TrialState.RUNNING


def _write_parameters(
    connection: sa.Connection,
    trial_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> None:
    rows = [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": distributions[name].to_internal_repr(value),
            "distribution_json": distribution_to_json(distributions[name]),
        }
        for name, value in parameters.items()
    ]
    if rows:
        connection.execute(sa.insert(TRIAL_PARAMETERS), rows)


def end_trial(
    connection: sa.Connection,
    trial_id: int,
    state: TrialState,
    values: Sequence[float] | None,
    attributes: Mapping[str, Any],
) -> None:
    """Write the end of a running trial; raise TrialEndedError if it has ended already."""
    running = (TRIALS.c.trial_id == trial_id) & (TRIALS.c.state == TrialState.RUNNING)
    ended = connection.execute(sa.update(TRIALS).where(running).values(state=state, datetime_complete=_now()))
    if ended.rowcount != 1:
        raise TrialEndedError(f"The trial with the key {trial_id} has ended already, but only a running trial can end.")
    write_attributes(connection, trial_id, attributes)
    # A trial that another program set back to running still has the values of its first end.
    connection.execute(sa.delete(TRIAL_VALUES).where(TRIAL_VALUES.c.trial_id == trial_id))
    for objective, value in enumerate(values or ()):
        stored, kind = stored_value(value)
        row = {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
        connection.execute(sa.insert(TRIAL_VALUES), row)


def write_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Write attributes of a trial; replace those of the same name."""
    remove_attributes(connection, trial_id, list(attributes))
    for key, value in attributes.items():
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        connection.execute(sa.insert(TRIAL_ATTRIBUTES), row)


def remove_attributes(connection: sa.Connection, trial_id: int, names: Sequence[str]) -> None:
    """Remove the attributes of a trial that have these names."""
    named = TRIAL_ATTRIBUTES.c.key.in_(names)
    connection.execute(sa.delete(TRIAL_ATTRIBUTES).where(TRIAL_ATTRIBUTES.c.trial_id == trial_id, named))


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


@lru_cache(maxsize=256)
def _distribution(text: str) -> BaseDistribution:
    """Parse a distribution. A search has one for each parameter, and writes it down with every trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a range such as 0 to 8/255, which is no multiple of 1/255 in decimals
        return json_to_distribution(text)


def _now() -> datetime:
    """Return the time as Optuna stores it: in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def _seconds(stored: datetime | None) -> float | None:
    return None if stored is None else stored.replace(tzinfo=UTC).timestamp()
