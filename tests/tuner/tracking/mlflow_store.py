"""A search in a real MLflow store, and clients that lose calls or change them, for the tests of its projection."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run
from mlflow.exceptions import MlflowException
from simulated_search import MakeLedger, checkpoint_of, drive, measured, space_mapping

from tuner.ledger import SqlLedger, TrialRecord
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.search import Search
from tuner.space import Space, space_from_mapping
from tuner.tracking.projection import Projection

_NUMBERS = itertools.count()


@dataclass
class Store:
    """An MLflow store, and one search in an experiment of its own."""

    client: MlflowClient
    uri: str
    artifacts: Path
    space: Space

    def projection(self, connect: Callable[[str], Any] = MlflowClient) -> Projection:
        """Return a projection as a new process would make it."""
        search_id = f"{self.space.name}-id"
        return Projection(self.uri, self.space, "small-1", search_id, self.artifacts.as_uri(), connect)

    def runs(self) -> tuple[Run, dict[int, Run]]:
        """Return the parent run and the child runs by trial; fail if there is any other run."""
        experiment = self.client.get_experiment_by_name(self.space.name)
        assert experiment is not None
        runs = self.client.search_runs([experiment.experiment_id])
        (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        children = {int(run.data.tags["tuner.trial"]): run for run in runs if run is not parent}
        assert len(children) == len(runs) - 1
        assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} == {parent.info.run_id}
        return parent, children

    def history(self, run: Run) -> dict[str, list[tuple[int, float, int]]]:
        """Return every entry of every metric as (step, value, time in ms)."""
        return {
            key: sorted((m.step, m.value, m.timestamp) for m in self.client.get_metric_history(run.info.run_id, key))
            for key in run.data.metrics
        }

    def whole(self) -> dict[Any, Any]:
        """Return all that MLflow holds of the search, except its own ids and the times of the parent run."""
        parent, children = self.runs()
        own = {"mlflow.parentRunId", "tuner.search_id"}
        # Descriptions link to runs, and show the picture of one; the source names the space.
        names = {run.info.run_id: f"RUN{number}" for number, run in [(-1, parent), *children.items()]}
        names[f"experiments/{parent.info.experiment_id}/"] = "experiments/ID/"
        names[f"--space {self.space.name}"] = "--space NAME"
        return {
            number: {
                "name": run.info.run_name,
                "status": run.info.status,
                "end": run.info.end_time if run is not parent else None,
                "params": run.data.params,
                "tags": {key: _renamed(value, names) for key, value in run.data.tags.items() if key not in own},
                "metrics": repr(sorted(self.history(run).items())),  # repr, since NaN is unequal to itself
            }
            for number, run in [(-1, parent), *children.items()]
        }


def _renamed(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def new_store(mlflow_uri: str, folder: Path) -> Store:
    """Return a store with an experiment of its own, which is not made yet; its artifacts lie in `folder`."""
    space = space_from_mapping({**space_mapping(search={"trials": 6}), "name": f"space{next(_NUMBERS)}"}, "test")
    return Store(MlflowClient(mlflow_uri), mlflow_uri, folder / "artifacts", space)


def ended_search(make_ledger: MakeLedger, store: Store) -> SqlLedger:
    """Return the ledger of six trials that ended: completed, stopped and one failed."""
    ledger = make_ledger(store.space)
    search = Search(store.space, ledger)
    search.next_assignment()
    search.report(0, 1, {**measured(search.trials[0].parameters, 1), "extra": float("nan")}, checkpoint_of(0, 1))
    search.fail(0, "RuntimeError: out of memory")
    drive(search)
    return ledger


def front_of(space: Space, trials: list[TrialRecord]) -> FrontData:
    return front_data("small-1", trials, space.objective_list, space.reference)


def write(store: Store, projection: Projection, trials: list[TrialRecord]) -> FrontData:
    front = front_of(store.space, trials)
    projection.write(trials, front)
    return front


def written_at_once(store: Store, trials: list[TrialRecord]) -> dict[Any, Any]:
    """Return all that MLflow holds of these trials if one projection writes them, in another experiment."""
    other = replace(store, space=store.space.model_copy(update={"name": f"{store.space.name}-other"}))
    write(other, other.projection(), trials)
    return other.whole()


class Unreliable:
    """Passes calls on to MLflow, and loses one: before it arrives, or its answer."""

    def __init__(self, client: MlflowClient, *, arrives: bool) -> None:
        self._client = client
        self._arrives = arrives
        self.left = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self._arrives:
                raise MlflowException("The connection was refused.")
            answer = method(*arguments, **named)
            if self.left == 0:
                raise MlflowException("The answer was lost.")
            return answer

        return call


class Meddler(MlflowClient):
    """Changes a parameter with every entry into one run, which MLflow refuses."""

    run_id = ""

    def log_batch(self, run_id: str, *arguments: Any, **named: Any) -> None:
        if run_id == self.run_id:
            named["params"] = [Param("alpha", "7.0")]
        super().log_batch(run_id, *arguments, **named)
