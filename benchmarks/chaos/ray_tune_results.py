"""Read what Ray Tune and MLflow have on record of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OBJECTIVES = ("natural_accuracy", "pgd_accuracy")
# A metric, its step and its value.
Value = tuple[str, int, float]


@dataclass(frozen=True)
class RayTrial:
    """A trial in Ray's results; `epochs` are those in its results, each once, `values` its objectives after them."""

    name: str
    status: str
    parameters: Mapping[str, Any]
    epochs: tuple[int, ...]
    values: frozenset[Value]

    @property
    def complete(self) -> bool:
        """Whether the trial ended properly: after its last epoch, or stopped at a rung."""
        return self.status == "TERMINATED" and bool(self.epochs)


@dataclass(frozen=True)
class MlflowRun:
    """An MLflow run of a trial; `values` are its objectives in the order in which they were written."""

    trial: str
    status: str
    values: Sequence[Value]


def read_results(folder: Path) -> list[RayTrial]:
    """Read Ray's newest state of the experiment; no results if there is none."""
    from ray.tune import ExperimentAnalysis

    try:
        found = ExperimentAnalysis(str(folder))
    except (ValueError, FileNotFoundError):
        return []
    return [_trial(trial, found.trial_dataframes[trial.trial_id]) for trial in found.trials]


def _trial(trial: Any, rows: Any) -> RayTrial:
    # If an epoch was trained again, Ray's result is the last row.
    by_epoch = {int(row["epoch"]): row for row in rows.to_dict("records")}
    values = {(name, epoch, float(row[name])) for epoch, row in by_epoch.items() for name in OBJECTIVES}
    return RayTrial(str(trial), trial.status, dict(trial.config), tuple(sorted(by_epoch)), frozenset(values))


def read_runs(uri: str, experiment: str) -> list[MlflowRun]:
    """Read the runs that MLflowLoggerCallback wrote into an experiment."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    runs = []
    for run in client.search_runs([found.experiment_id], max_results=10_000):
        histories = {name: client.get_metric_history(run.info.run_id, name) for name in OBJECTIVES}
        values = [(name, metric.step, metric.value) for name, history in histories.items() for metric in history]
        runs.append(MlflowRun(run.data.tags["trial_name"], run.info.status, values))
    return runs
