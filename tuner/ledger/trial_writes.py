"""Begin and end trials of an Optuna study, in one short transaction each.

Optuna itself takes a transaction for every attribute and reads the study again for every parameter. That takes tens
of milliseconds, while every report of every trial waits. These functions write the same rows into the same tables.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import TrialState

from tuner.ledger.protocol import TrialEndedError
from tuner.optuna_private import TRIAL_ATTRIBUTES, TRIAL_PARAMETERS, TRIAL_VALUES, TRIALS, stored_value

_trials, _params, _attributes, _values = TRIALS, TRIAL_PARAMETERS, TRIAL_ATTRIBUTES, TRIAL_VALUES


def insert_trial(
    connection: sa.Connection,
    study_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    attributes: Mapping[str, Any],
) -> tuple[int, int]:
    """Write a new running trial; return its key and its number, the next one of its study."""
    newest = connection.execute(sa.select(sa.func.max(_trials.c.number)).where(_trials.c.study_id == study_id)).scalar()
    number = 0 if newest is None else newest + 1
    trial = {"number": number, "study_id": study_id, "state": TrialState.RUNNING, "datetime_start": _now()}
    inserted = connection.execute(sa.insert(_trials), trial).inserted_primary_key
    if inserted is None:
        raise RuntimeError(f"The database gave trial {number} no key.")
    trial_id = int(inserted[0])
    if parameters:
        connection.execute(
            sa.insert(_params),
            [
                {
                    "trial_id": trial_id,
                    "param_name": name,
                    "param_value": distributions[name].to_internal_repr(value),
                    "distribution_json": distribution_to_json(distributions[name]),
                }
                for name, value in parameters.items()
            ],
        )
    _add_attributes(connection, trial_id, attributes)
    return trial_id, number


def end_trial(
    connection: sa.Connection,
    trial_id: int,
    state: TrialState,
    values: Sequence[float] | None,
    attributes: Mapping[str, Any],
) -> None:
    """Write the end of a running trial; raise TrialEndedError if it has ended already."""
    running = (_trials.c.trial_id == trial_id) & (_trials.c.state == TrialState.RUNNING)
    ended = connection.execute(sa.update(_trials).where(running).values(state=state, datetime_complete=_now()))
    if ended.rowcount != 1:
        raise TrialEndedError(f"The trial with the key {trial_id} has ended already, but only a running trial can end.")
    write_attributes(connection, trial_id, attributes)
    for objective, value in enumerate(values or ()):
        stored, kind = stored_value(value)
        row = {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
        connection.execute(sa.insert(_values), row)


def write_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Write attributes of a trial; replace those of the same name."""
    named = _attributes.c.key.in_(list(attributes))
    connection.execute(sa.delete(_attributes).where(_attributes.c.trial_id == trial_id, named))
    _add_attributes(connection, trial_id, attributes)


def _add_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        connection.execute(sa.insert(_attributes), row)


def _now() -> datetime:
    """Return the time as Optuna stores it: in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
