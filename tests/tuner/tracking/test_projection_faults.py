"""A search in a real MLflow store where runs are deleted, calls are lost or values are refused."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow_store import Meddler, Store, Unreliable, ended_search, front_of, new_store, write, written_at_once
from raises_about import raises_about
from simulated_search import MakeLedger, small_space

from tuner.errors import UsageError
from tuner.ledger import Outcome, SqlLedger
from tuner.tracking.projection import Projection, RefusedError
from tuner.tracking.saved_view import search_of_view, view_keys


@pytest.fixture
def store(mlflow_uri: str, tmp_path: Path) -> Store:
    return new_store(mlflow_uri, tmp_path)


@pytest.fixture
def ledger(make_ledger: MakeLedger, store: Store) -> SqlLedger:
    return ended_search(make_ledger, store)


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


@pytest.mark.parametrize("number", [None, 2], ids=["parent run", "child run"])
def test_a_deleted_run_that_is_restored_later_is_one_run_again(
    store: Store, ledger: SqlLedger, number: int | None
) -> None:
    trials = ledger.load()
    write(store, store.projection(), trials)
    before = store.whole()
    parent, children = store.runs()
    deleted = parent if number is None else children[number]
    store.client.delete_run(deleted.info.run_id)
    write(store, store.projection(), trials)
    store.client.restore_run(deleted.info.run_id)
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


def test_a_database_that_is_not_where_its_address_says_is_named(
    store: Store, ledger: SqlLedger, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/elsewhere.db"
    projection = replace(store.projection(lambda _: store.client), tracking_uri=uri)
    with raises_about(UsageError, uri):
        write(store, projection, ledger.load())


@pytest.mark.parametrize("calls", range(1, 15))
def test_a_renaming_that_breaks_off_is_completed_by_the_next_attempt(
    store: Store, ledger: SqlLedger, calls: int
) -> None:
    trials = ledger.load()[:3]
    write(store, store.projection(), trials)
    unreliable = Unreliable(store.client, arrives=False)
    unreliable.left = calls
    with contextlib.suppress(MlflowException):
        write(store, replace(store.projection(lambda _: unreliable), search="renamed"), trials)
    write(store, replace(store.projection(), search="renamed"), trials)
    parent, children = store.runs()
    assert {run.data.tags["tuner.search"] for run in (parent, *children.values())} == {"renamed"}
    assert parent.info.run_name == "renamed"
    tags = store.client.get_experiment(parent.info.experiment_id).tags
    assert [search_of_view(key) for key in view_keys(tags)] == ["renamed"]


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
