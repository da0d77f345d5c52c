"""A real PostgreSQL as the ledger of a search and as MLflow's store, with an S3-compatible server for its files."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from driver_process import TINY, kill_when, run, start, tuner
from mlflow import MlflowClient
from raises_about import raises_about
from s3_server import BUCKET, SECRET, s3_server
from simulated_search import drive, on_record, small_space

from benchmarks.postgres_server import PASSWORD, is_installed, server
from tuner.errors import UsageError
from tuner.export.trial_model import load_trained_model
from tuner.ledger import InstructionState, Outcome, SqlLedger, TakenOverError, default_ledger_url
from tuner.ledger.fencing import require_holder
from tuner.runs.find import find_search
from tuner.runs.lock import only_driver_by_database
from tuner.runs.mirror import names_in, open_runs
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
        ledger = SqlLedger.create(url, "same", space.objective_list, facts)
        drive(Search(space, ledger))
        ledger.close()
        again = SqlLedger.open(url, "same")
        assert again.facts()["search_id"] == "same-1"
        records.append(on_record(again))
        again.close()
    assert records[0] == records[1]
    assert {trial["outcome"] for trial in records[0]} == {Outcome.COMPLETED, Outcome.STOPPED}


def test_instructions_given_at_the_same_time_have_numbers_of_their_own(address: str) -> None:
    space, url = small_space(), f"postgresql://{address}/postgres"
    with SqlLedger.create(url, "asked", space.objective_list, {"search_id": "asked-1"}) as driver:
        driver.take_over()

        def ask() -> None:
            with SqlLedger.open(url, "asked") as ledger:
                for trial in range(5):
                    ledger.instruct("stop", {"trial": trial})

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.number for one in driver.instructions()] == list(range(20))
        point = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}
        assert driver.enqueue(point, 3, "trial {}".format) == 0
        driver.answer(4, InstructionState.REFUSED, "no")
        assert [one.answer for one in driver.instructions()[3:6]] == ["trial 0", "no", None]
        assert driver.enqueued() == {0: point}
        driver.delete()
    with SqlLedger.create(url, "asked", space.objective_list, {"search_id": "asked-2"}) as again:
        assert again.instructions() == []


def test_the_lock_of_a_search_in_object_storage_is_held_there(address: str) -> None:
    url = f"postgresql://{address}/postgres"
    with only_driver_by_database(url, "locked"):
        with raises_about(UsageError, "locked") as caught, only_driver_by_database(url, "locked"):
            pass
        assert f"process {os.getpid()} on " in str(caught.value)
        with only_driver_by_database(url, "another"):
            pass
    with only_driver_by_database(url, "locked"):
        pass


def test_a_driver_that_has_lost_its_lock_stops(address: str) -> None:
    """A server that restarts gives the lock back, and another driver may take it."""
    url = f"postgresql://{address}/postgres"
    stopped = threading.Event()
    with only_driver_by_database(url, "lost", watch_seconds=0.01, stop=stopped.set):
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tuner: %'"
            connection.execute(sa.text(others)).all()
        assert stopped.wait(20)


def test_a_driver_that_was_taken_over_writes_nothing_more(address: str) -> None:
    """Even if the other one takes over in the middle of its transaction."""
    space = small_space()
    url = f"postgresql://{address}/postgres"
    first = SqlLedger.create(url, "fenced", space.objective_list, {"space": space.model_dump(mode="json")})
    first.take_over()
    search = Search(space, first)
    assert search.next_assignment() is not None
    second = SqlLedger.open(url, "fenced")
    taken = threading.Thread(target=second.take_over)
    with first._writing() as connection:
        connection.execute(sa.text("SELECT 1"))
        require_holder(connection, first._study_id, "fenced", 1)
        taken.start()
        taken.join(0.5)
        assert taken.is_alive(), "it waits until the first driver's transaction has ended"
    taken.join()
    before = on_record(second)
    with raises_about(TakenOverError, ("fenced", 2)):
        search.next_assignment()
    assert on_record(second) == before
    drive(Search(space, second))
    first.close()
    second.close()


def test_a_search_has_nothing_on_its_own_machine(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger and MLflow are in PostgreSQL, checkpoints and artifacts in S3; after a kill the search continues there."""
    url, tracking_uri = f"postgresql://{address}/postgres", f"postgresql://{address}/mlflow"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    runs, words = f"s3://{BUCKET}/searches", ["--space", str(TINY), "--resume-or-start", "--name", "away"]
    words += ["--trials", "3", "--ledger", url, "--tracking-uri", tracking_uri]
    with s3_server() as environment:
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        process = start(runs, *words, folder=tmp_path)
        killed = kill_when(process, lambda: reports_on_record(url, "away") >= 2)
        found = run(runs, *words, folder=tmp_path)
        assert found.code == 0, found.output
        assert not list(tmp_path.iterdir())
        assert PASSWORD not in found.output + killed
        assert SECRET not in found.output + killed
        folder = find_search(open_runs(runs), "away")
        assert PASSWORD not in folder.space_file.read_text()
        ledger = folder.ledger(url)
        trials = ledger.load()
        sessions = {
            report.checkpoint.split("/")[1] for trial in trials for report in trial.reports if report.checkpoint
        }
        assert sessions == {"session-1", "session-2"}
        assert all(trial.outcome is not Outcome.RUNNING for trial in trials)
        left = names_in(folder.path / "ray/session-2/trial-0000")
        assert [f"ray/session-2/trial-0000/{name}" for name in left] == [trials[0].reports[-1].checkpoint]
        assert names_in(folder.path).count("space.yaml") == 1
        assert not [name for name in names_in(folder.path) if name.endswith(".tmp")]
        model = load_trained_model(folder, folder.space(), trials[0], None)
        assert model.config == folder.space().trial_config(trials[0].parameters)
        ledger.close()
        confirm_its_weights(runs, url, tracking_uri, tmp_path)
        client = MlflowClient(tracking_uri)
        experiment = client.get_experiment_by_name("tiny")
        assert experiment is not None
        found_runs = client.search_runs([experiment.experiment_id], "tags.`tuner.search` = 'away'")
        assert len(found_runs) == 4, "the search and its three trials"
        assert not any(secret in str(run.to_dictionary()) for run in found_runs for secret in (PASSWORD, SECRET))
        parent = next(run for run in found_runs if "tuner.trial" not in run.data.tags)
        assert parent.info.artifact_uri.startswith(f"{runs}/mlartifacts/")
        assert {file.path for file in client.list_artifacts(parent.info.run_id)} >= {"space.yaml", "front.html"}


def confirm_its_weights(runs: str, ledger_url: str, tracking_uri: str, folder: Path) -> None:
    """Attack a trial's own weights, which come from the storage, and write the figures to it."""
    words = ["confirm", "away", "--trial", "0", "--no-retrain", "--suite", "quick", "--images", "30"]
    output = tuner(runs, *words, "--ledger", ledger_url, "--tracking-uri", tracking_uri, folder=folder)
    assert PASSWORD not in output
    assert "Confirmation of away, suite quick" in output
    confirmation = find_search(open_runs(runs), "away").path.parent / "away-confirm"
    assert {"space.yaml", "confirmation.json", "evaluations"} <= set(names_in(confirmation))
    assert not list(folder.iterdir())


def reports_on_record(url: str, search: str) -> int:
    """Count a search's reports, without a lock; the table need not exist yet."""
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute("SELECT count(*) FROM tuner_reports WHERE search = %s", [search]).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
    return 0 if row is None else int(row[0])
