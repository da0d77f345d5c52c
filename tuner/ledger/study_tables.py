"""Write the trials of an Optuna study straight into its tables.

Optuna writes each attribute of a trial in a transaction of its own and reads the study again for each parameter: tens
of milliseconds, while all reports of all trials wait. Optuna checks the layout of its tables when it opens them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import TrialState

from tuner.ledger.protocol import TrialEndedError
from tuner.optuna_private import (
    ENQUEUED_KEY,
    STUDIES,
    TRIAL_ATTRIBUTES,
    TRIAL_PARAMETERS,
    TRIAL_SYSTEM_ATTRIBUTES,
    TRIAL_VALUES,
    TRIALS,
    stored_value,
)

# Built once: it runs with every report, and building it takes longer than running it.
_STATE = sa.select(TRIALS.c.state).where(TRIALS.c.trial_id == sa.bindparam("trial"))


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


def _now() -> datetime:
    """Return the time as Optuna stores it: in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
