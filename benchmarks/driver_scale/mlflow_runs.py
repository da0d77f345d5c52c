"""Write what a search leaves in MLflow after a while directly into MLflow's tables, which takes only a second."""

import uuid
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.models import SqlParam, SqlRun, SqlTag

from tuner.ledger import Outcome, TrialRecord, trial_name
from tuner.space import Space
from tuner.tracking import layout


def lay_down(
    tracking_uri: str, space: Space, trials: Sequence[TrialRecord], *, search: str, search_id: str, artifacts: str
) -> None:
    """Create the experiment, the search's run and a run for each trial, with all epochs marked as written.

    `artifacts` is the URI of the folder for files.
    """
    experiment = MlflowClient(tracking_uri).create_experiment(space.name, artifact_location=artifacts)
    parent = uuid.uuid4().hex
    of_search = {layout.SEARCH_ID: search_id, layout.SEARCH_NAME: search}
    runs, tags = [_run(parent, experiment, search, started=0.0, artifacts=artifacts)], _rows(parent, of_search)
    params = _rows(parent, {param.key: param.value for param in layout.search_parameters(space)})
    for trial in trials:
        run = uuid.uuid4().hex
        status = "RUNNING" if trial.outcome is Outcome.RUNNING else str(layout.run_status(trial))
        name, started = trial_name(trial.number), trial.started
        runs.append(_run(run, experiment, name, status, started=started, artifacts=artifacts))
        own = {layout.TRIAL: trial.number, layout.PARENT: parent, layout.EPOCHS_LOGGED: trial.epochs_trained}
        tags += _rows(run, {**of_search, **own})
        params += _rows(run, {param.key: param.value for param in layout.trial_parameters(space, trial)})
    engine = sa.create_engine(tracking_uri)
    with engine.begin() as connection:
        for table, rows in ((SqlRun, runs), (SqlTag, tags), (SqlParam, params)):
            connection.execute(sa.insert(table), rows)
    engine.dispose()


def _run(
    run: str, experiment: str, name: str, status: str = "RUNNING", *, started: float, artifacts: str
) -> dict[str, object]:
    return {
        "run_uuid": run,
        "name": name,
        "user_id": "benchmark",
        "experiment_id": int(experiment),
        "status": status,
        "start_time": round(1000 * started),
        "lifecycle_stage": "active",
        "artifact_uri": f"{artifacts}/{run}",
    }


def _rows(run: str, values: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"run_uuid": run, "key": key, "value": str(value)} for key, value in values.items()]
