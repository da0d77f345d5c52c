"""Read the trials of an Optuna study straight from its tables.

Optuna itself takes many seconds to read 10,000 trials, mostly for objects that are not needed here.
"""

import json
import warnings
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import TrialState

from tuner.optuna_private import (
    ENQUEUED_KEY,
    TRIAL_ATTRIBUTES,
    TRIAL_PARAMETERS,
    TRIAL_SYSTEM_ATTRIBUTES,
    TRIALS,
)


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


@lru_cache(maxsize=256)
def _distribution(text: str) -> BaseDistribution:
    """Parse a distribution. A search has one for each parameter, and writes it down with every trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a range such as 0 to 8/255, which is no multiple of 1/255 in decimals
        return json_to_distribution(text)


def _seconds(stored: datetime | None) -> float | None:
    return None if stored is None else stored.replace(tzinfo=UTC).timestamp()
