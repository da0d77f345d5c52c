"""A search in a real MLflow store that loses calls, refuses some, or is changed by somebody: all is written once."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Param
from mlflow.exceptions import MlflowException
from mlflow_store import Store, front_of, write, written_at_once
from raises_about import raises_about
from simulated_search import small_space

from tuner.ledger import Outcome, SqlLedger
from tuner.tracking.projection import Projection, RefusedError


@pytest.mark.parametrize(
    "delete",
    [
        lambda store: store.client.delete_experiment(store.runs()[0].info.experiment_id),
        lambda store: store.client.delete_run(store.runs()[0].info.run_id),
        lambda store: store.client.delete_run(store.runs()[1][2].info.run_id),
    ],
    ids=["experiment", "parent run", "child run"],
)
def test_what_somebody_deleted_comes_back(store: Store, ledger: SqlLedger, delete: Callable[[Store], None]) -> None:
    trials = ledger.load()
    write(store, store.projection(), trials)
    before = store.whole()
    delete(store)
    write(store, store.projection(), trials)
    assert store.whole() == before


def test_a_parent_run_deleted_meanwhile_gets_its_whole_history_again(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    first_completed = next(trial.number for trial in trials if trial.outcome is Outcome.COMPLETED)
    projection = store.projection()
    write(store, projection, trials[: first_completed + 1])
    store.client.delete_run(store.runs()[0].info.run_id)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        write(store, projection, trials)
    write(store, projection, trials)
    assert store.whole() == written_at_once(store, trials)


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


@pytest.mark.parametrize("arrives", [True, False], ids=["answer lost", "request lost"])
def test_losing_any_call_leaves_no_trace_once_all_is_written(store: Store, ledger: SqlLedger, arrives: bool) -> None:
    """The first attempt loses its first call, the second its second, and so on."""
    trials = ledger.load()[:3]
    unreliable = Unreliable(store.client, arrives=arrives)
    projection = store.projection(lambda _: unreliable)
    for attempt in itertools.count(1):
        unreliable.left = attempt
        try:
            write(store, projection, trials)
        except MlflowException:
            continue
        break
    assert attempt > 8, "each attempt found some of its predecessors' work done"
    assert store.whole() == written_at_once(store, trials)


class Meddler(MlflowClient):
    """Changes a parameter with every entry into one run, which MLflow refuses."""

    run_id = ""

    def log_batch(self, run_id: str, *arguments: Any, **named: Any) -> None:
        if run_id == self.run_id:
            named["params"] = [Param("alpha", "7.0")]
        super().log_batch(run_id, *arguments, **named)


def test_a_trial_that_mlflow_refuses_keeps_no_other_out(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    write(store, store.projection(), [replace(trials[1], outcome=Outcome.RUNNING, ended=None, reports=())])
    meddler = Meddler(store.uri)
    meddler.run_id = store.runs()[1][1].info.run_id
    projection = store.projection(lambda _: meddler)
    for _ in range(2):
        with raises_about(RefusedError, (1,)) as refused:
            write(store, projection, trials)
        assert "alpha" in str(refused.value)
    _, children = store.runs()
    assert sorted(children) == [trial.number for trial in trials]
    for trial in trials:
        if trial.number != 1:
            assert children[trial.number].data.metrics["epochs_trained"] == trial.epochs_trained


def test_an_unreachable_store_raises_when_written_and_not_before(tmp_path: Path, ledger: SqlLedger) -> None:
    """So that a search starts although MLflow is away."""
    (tmp_path / "file").touch()
    projection = Projection(f"sqlite:///{tmp_path}/file/mlflow.db", small_space(), "small-1", "id", None)
    trials = ledger.load()
    with pytest.raises((MlflowException, OSError)) as away:
        projection.write(trials, front_of(small_space(), trials))
    assert f"{tmp_path}/file" in str(away.value)
    assert projection.experiment_id is None
    projection.close("FINISHED")
