"""Trials of an Optuna study, begun and ended in one short transaction each.

Optuna's own way takes a transaction for every attribute, and reads the study again for every parameter: tens of
milliseconds, while every report of every trial waits. The rows are those that it writes itself, into its own tables.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState

_trials: Any = models.TrialModel.__table__
_params: Any = models.TrialParamModel.__table__
_attributes: Any = models.TrialUserAttributeModel.__table__
_values: Any = models.TrialValueModel.__table__


def insert_trial(
    connection: sa.Connection,
    study_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    attributes: Mapping[str, Any],
) -> tuple[int, int]:
    """Write a new running trial and give its id and its number, the next in its study."""
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
    """Write the end of a running trial; raise UpdateFinishedTrialError if it has ended already."""
    running = (_trials.c.trial_id == trial_id) & (_trials.c.state == TrialState.RUNNING)
    ended = connection.execute(sa.update(_trials).where(running).values(state=state, datetime_complete=_now()))
    if ended.rowcount != 1:
        raise optuna.exceptions.UpdateFinishedTrialError(f"The trial with id {trial_id} has already finished.")
    write_attributes(connection, trial_id, attributes)
    for objective, value in enumerate(values or ()):
        stored, kind = models.TrialValueModel.value_to_stored_repr(value)
        row = {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
        connection.execute(sa.insert(_values), row)


def write_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Write attributes of a trial, replacing those of the same name."""
    named = _attributes.c.key.in_(list(attributes))
    connection.execute(sa.delete(_attributes).where(_attributes.c.trial_id == trial_id, named))
    _add_attributes(connection, trial_id, attributes)


def _add_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        connection.execute(sa.insert(_attributes), row)


def _now() -> datetime:
    """Give the time as Optuna stores it: in UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)
