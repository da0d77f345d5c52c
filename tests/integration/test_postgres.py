"""A real PostgreSQL as the ledger of a search and as MLflow's store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from driver_process import TINY, run
from mlflow import MlflowClient
from postgres_server import PASSWORD, is_installed, server
from simulated_search import drive, on_record, small_space

from tuner.folder import SearchFolder
from tuner.ledger import Ledger, Outcome, default_ledger_url
from tuner.search import Search

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="needs Debian's package postgresql"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as found:
        yield found


def test_a_search_leaves_the_same_record_as_on_sqlite(address: str, tmp_path: Path) -> None:
    space = small_space()
    records: list[list[dict[str, Any]]] = []
    for url in (default_ledger_url(tmp_path), f"postgresql://{address}/postgres"):
        facts = {"space": space.model_dump(mode="json"), "search_id": "same-1"}
        ledger = Ledger.create(url, "same", space.objective_list, facts)
        drive(Search(space, ledger))
        ledger.close()
        again = Ledger.open(url, "same")
        assert again.facts()["search_id"] == "same-1"
        records.append(on_record(again))
        again.close()
    assert records[0] == records[1]
    assert {trial["outcome"] for trial in records[0]} == {Outcome.COMPLETED, Outcome.STOPPED}


def test_a_search_keeps_ledger_and_mlflow_there(address: str, tmp_path: Path) -> None:
    url, tracking_uri = f"postgresql://{address}/postgres", f"postgresql://{address}/mlflow"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    words = ["--space", str(TINY), "--name", "onserver", "--trials", "3"]
    found = run(tmp_path / "runs", *words, "--ledger", url, "--tracking-uri", tracking_uri)
    assert found.code == 0, found.output
    assert PASSWORD not in found.output
    folder = SearchFolder(tmp_path / "runs" / "onserver")
    assert not (folder.path / "ledger.db").exists()
    assert not (tmp_path / "runs" / "mlflow.db").exists()
    assert PASSWORD not in folder.space_file.read_text()
    ledger = folder.open_ledger(url)
    trials = ledger.load()
    ledger.close()
    assert [trial.outcome is Outcome.RUNNING for trial in trials] == [False, False, False]
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 4, "the search and its three trials"
    assert all(PASSWORD not in str(run.to_dictionary()) for run in runs)
