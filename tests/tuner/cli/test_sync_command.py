"""`tuner sync`."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from simulated_search import SEARCH, MakeLedger, small_space
from typed_commands import Tuner

from tuner.ledger import SqlLedger
from tuner.report.analysis.text_tables import count_trials
from tuner.report.load import load_search
from tuner.search import Search


def runs_of(uri: str, name: str) -> list[Run]:
    """Return the runs of an experiment."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def test_a_search_is_written_into_mlflow_by_hand(tuner: Tuner, finished: SqlLedger, mlflow_uri: str) -> None:
    for _ in range(2):
        answer = tuner("sync", SEARCH, "--tracking-uri", mlflow_uri)
        assert (answer.code, answer.err) == (0, "")
        assert all(fact in answer.out for fact in (SEARCH, "5 trials", mlflow_uri))
    runs = runs_of(mlflow_uri, "small")
    assert len(runs) == 6
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    files = {item.path for item in MlflowClient(mlflow_uri).list_artifacts(parent.info.run_id)}
    assert files == {"space.yaml", "front.csv", "front.json", "front.html", "front.png", "front.svg"}
    assert finished.load()


def test_a_renamed_search_has_its_new_name_everywhere(
    tuner: Tuner, finished: SqlLedger, runs_dir: Path, mlflow_uri: str
) -> None:
    finished.close()
    assert tuner("sync", SEARCH, "--tracking-uri", mlflow_uri).code == 0
    (runs_dir / SEARCH).rename(runs_dir / "renamed")
    adopted = tuner("adopt", "renamed")
    command = f"tuner sync renamed --runs-dir {runs_dir}`"
    assert (adopted.code, SEARCH in adopted.out, command in adopted.out) == (0, True, True)
    again = tuner("adopt", "renamed")
    assert (again.code, "tuner sync" in again.out) == (0, False)
    assert tuner("sync", "renamed", "--tracking-uri", mlflow_uri).code == 0
    runs = [run for run in runs_of(mlflow_uri, "small") if run.data.tags["tuner.search"] == "renamed"]
    assert len(runs) == 6
    assert [run.info.run_name for run in runs if "mlflow.parentRunId" not in run.data.tags] == ["renamed"]


def test_a_search_of_failures_is_written_as_failed(tuner: Tuner, make_ledger: MakeLedger, mlflow_uri: str) -> None:
    space = small_space(search={"trials": 1}).model_copy(update={"name": "failures"})
    search = Search(space, make_ledger(space))
    search.next_assignment()
    search.fail(0, "out of memory")
    assert tuner("sync", SEARCH, "--tracking-uri", mlflow_uri).code == 0
    assert [run.info.status for run in runs_of(mlflow_uri, "failures")] == ["FAILED", "FAILED"]


def test_an_interrupted_search_is_written_as_the_terminal_shows_it(
    tuner: Tuner, make_ledger: MakeLedger, mlflow_uri: str, runs_dir: Path
) -> None:
    space = small_space().model_copy(update={"name": "interrupted"})
    Search(space, make_ledger(space)).next_assignment()
    assert tuner("sync", SEARCH, "--tracking-uri", mlflow_uri).code == 0
    runs = runs_of(mlflow_uri, "interrupted")
    assert {run.info.status for run in runs} == {"KILLED", "SCHEDULED"}
    (note,) = [run.data.tags["mlflow.note.content"] for run in runs if "mlflow.note.content" in run.data.tags]
    counts = count_trials(load_search(runs_dir, SEARCH).data)
    assert "1 interrupted" in counts
    assert counts in note
    assert counts in " ".join(tuner("show", SEARCH).out.split())
