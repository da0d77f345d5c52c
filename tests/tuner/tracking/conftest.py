"""An experiment in a real MLflow store, and the ledger of a search that ended."""

import itertools
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_store import Store
from simulated_search import MakeLedger, checkpoint_of, drive, measured, space_mapping

from tuner.ledger import SqlLedger
from tuner.search import Search
from tuner.space import space_from_mapping

NUMBERS = itertools.count()


@pytest.fixture
def store(mlflow_uri: str, tmp_path: Path) -> Store:
    """An experiment of the test's own, not made yet."""
    space = space_from_mapping({**space_mapping(search={"trials": 6}), "name": f"space{next(NUMBERS)}"}, "test")
    return Store(MlflowClient(mlflow_uri), mlflow_uri, tmp_path / "artifacts", space)


@pytest.fixture
def ledger(make_ledger: MakeLedger, store: Store) -> SqlLedger:
    """Six trials that ended: completed, stopped and one failed."""
    ledger = make_ledger(store.space)
    search = Search(store.space, ledger)
    search.next_assignment()
    search.report(0, 1, {**measured(search.trials[0].parameters, 1), "extra": float("nan")}, checkpoint_of(0, 1))
    search.fail(0, "RuntimeError: out of memory")
    drive(search)
    return ledger
