"""Read the trials of an Optuna study straight from its tables.

Optuna takes many seconds for 10,000 trials, mostly for objects that are not needed here. Optuna checks the layout of
the tables itself when it opens them, and a test compares what both read.
"""

import json
from collections import defaultdict
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import TrialState

_trials = sa.table(
    "trials",
    sa.column("trial_id", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("study_id", sa.Integer),
    sa.column("state", sa.String),
    sa.column("datetime_start", sa.DateTime),
    sa.column("datetime_complete", sa.DateTime),
)
_params = sa.table(
    "trial_params",
    sa.column("param_id", sa.Integer),
    sa.column("trial_id", sa.Integer),
    sa.column("param_name", sa.String),
    sa.column("param_value", sa.Float),
    sa.column("distribution_json", sa.Text),
)
_attributes = sa.table(
    "trial_user_attributes",
    sa.column("trial_id", sa.Integer),
    sa.column("key", sa.String),
    sa.column("value_json", sa.Text),
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
    chosen = _trials.c.study_id == study_id if trial_id is None else _trials.c.trial_id == trial_id
    # Trials first: a driver may write meanwhile, and it writes what belongs to a row together with the row.
    rows = connection.execute(sa.select(_trials).where(chosen).order_by(_trials.c.number)).all()
    parameters: dict[int, dict[str, Any]] = defaultdict(dict)
    named = sa.select(_params).join(_trials, _trials.c.trial_id == _params.c.trial_id).where(chosen)
    for row in connection.execute(named.order_by(_params.c.param_id)).all():
        value = _distribution(row.distribution_json).to_external_repr(row.param_value)
        parameters[row.trial_id][row.param_name] = value
    attributes: dict[int, dict[str, Any]] = defaultdict(dict)
    noted = sa.select(_attributes).join(_trials, _trials.c.trial_id == _attributes.c.trial_id).where(chosen)
    for row in connection.execute(noted).all():
        attributes[row.trial_id][row.key] = json.loads(row.value_json)
    return [
        TrialRow(
            trial_id=row.trial_id,
            number=row.number,
            state=TrialState[row.state],
            parameters=parameters[row.trial_id],
            attributes=attributes[row.trial_id],
            started=row.datetime_start.timestamp() if row.datetime_start else None,
            ended=row.datetime_complete.timestamp() if row.datetime_complete else None,
        )
        for row in rows
    ]


@lru_cache(maxsize=256)
def _distribution(text: str) -> BaseDistribution:
    """Parse a distribution. A search has one for each parameter, and writes it down with every trial."""
    return json_to_distribution(text)
