"""`tuner prune`, `delete` and `clone`."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from raises_about import raises_about
from simulated_driver import Driver, to_the_end
from simulated_search import SEARCH, MakeLedger, checkpoint_of, drive, small_space
from typed_commands import Tuner

from tuner.driver.plan import Request, plan_resume
from tuner.driver.prune import find_prunable
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.report.load import load_search
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock, only_driver
from tuner.search import Search
from tuner.space import Space

SPACE = small_space(search={"trials": 6})


@pytest.fixture
def stored(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    """A search that was interrupted in its last trial, with 100 bytes for each checkpoint and for a file of Ray."""
    ledger = make_ledger(SPACE)
    drive(Search(small_space(search={"trials": 5}), ledger))
    search = Search(SPACE, ledger)
    assignment = search.next_assignment()
    assert assignment is not None
    for epoch in range(1, 3):
        search.report(5, epoch, {"natural_accuracy": 0.99, "pgd_accuracy": 0.99}, checkpoint_of(5, epoch))
    for trial in ledger.load():
        for report in trial.reports:
            file = runs_dir / SEARCH / str(report.checkpoint) / "checkpoint.pt"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"x" * 100)
    (runs_dir / SEARCH / "ray" / "session-1" / "tuner.pkl").write_bytes(b"x" * 100)
    return ledger


def in_shared_ledger(stored: SqlLedger, runs_dir: Path) -> str:
    """Move a search's ledger out of its folder, as if many searches shared it; return its URL."""
    stored.close()
    folder = SearchFolder(runs_dir / SEARCH)
    url = f"sqlite:///{(folder.path / 'ledger.db').rename(runs_dir / 'server.db')}"
    folder.freeze(SPACE, {**folder.frozen(), "ledger": url})
    return url


def checkpoints(runs_dir: Path) -> set[str]:
    return {str(path.parent.relative_to(runs_dir / SEARCH)) for path in runs_dir.glob("**/checkpoint.pt")}


def test_pruning_keeps_the_front_and_what_a_resume_needs(tuner: Tuner, stored: SqlLedger, runs_dir: Path) -> None:
    front = load_search(runs_dir, SEARCH).data.front
    assert front
    kept = {checkpoint_of(5, 1), checkpoint_of(5, 2)} | {checkpoint_of(point.number, 9) for point in front}
    before = len(checkpoints(runs_dir))
    found = find_prunable(SearchFolder(runs_dir / SEARCH), None, everything=False)
    assert found.size == 100 * (before + 1 - len(kept))
    assert tuner("prune", SEARCH, "--yes").code == 0
    assert checkpoints(runs_dir) == kept
    assert not (runs_dir / SEARCH / "ray" / "session-1" / "tuner.pkl").exists()
    assert tuner("prune", SEARCH, "--yes").code == 0, "nothing is left to remove"
    assert tuner("prune", SEARCH, "--yes", "--all").code == 0
    assert checkpoints(runs_dir) == {checkpoint_of(5, 1), checkpoint_of(5, 2)}
    assert stored.load()


def test_a_search_that_runs_is_neither_pruned_nor_deleted(tuner: Tuner, stored: SqlLedger, runs_dir: Path) -> None:
    before = checkpoints(runs_dir)
    with only_driver(runs_dir / SEARCH):
        assert tuner("prune", SEARCH, "--yes").code == 2
        assert tuner("delete", SEARCH, "--yes", "--no-mlflow").code == 2
    assert checkpoints(runs_dir) == before
    assert stored.load()


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_yes_nothing_is_removed(
    tuner: Tuner, stored: SqlLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    before = checkpoints(runs_dir)
    for command in ("prune", "delete"):
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        assert tuner(command, SEARCH).code == 1
    assert checkpoints(runs_dir) == before
    assert stored.load()


def test_a_deleted_search_is_gone_from_disk_and_from_mlflow(
    tuner: Tuner, make_ledger: MakeLedger, runs_dir: Path, mlflow_uri: str
) -> None:
    space = SPACE.model_copy(update={"name": "deleted"})
    for name in ("first", "second"):
        ledger = make_ledger(space, name)
        drive(Search(space, ledger))
        ledger.close()
        assert tuner("sync", name, "--tracking-uri", mlflow_uri).code == 0
    assert tuner("delete", "first", "--yes", "--tracking-uri", mlflow_uri).code == 0
    assert [path.parent.name for path in runs_dir.glob("*/space.yaml")] == ["second"]
    assert not (runs_dir / "first").exists()
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("deleted")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.data.tags["tuner.search"] for run in runs} == {"second"}
    assert len(runs) == 7


@pytest.mark.usefixtures("stored")
def test_a_deletion_makes_no_database_for_mlflow(tuner: Tuner, runs_dir: Path) -> None:
    assert not (runs_dir / "mlflow.db").exists()
    assert tuner("delete", SEARCH, "--yes").code == 0
    assert list(runs_dir.iterdir()) == []


def test_a_deleted_search_leaves_nothing_in_a_shared_ledger(tuner: Tuner, stored: SqlLedger, runs_dir: Path) -> None:
    stored.instruct("set", {"values": {"search.trials": 9}})
    url = in_shared_ledger(stored, runs_dir)
    assert tuner("delete", SEARCH, "--yes", "--no-mlflow").code == 0
    assert not (runs_dir / SEARCH).exists()
    with SqlLedger.create(url, SEARCH, SPACE.objective_list, {}) as again:
        assert (again.load(), again.instructions()) == ([], [])
        assert list(again.reports_at([1])) == []


@pytest.mark.parametrize("died_after", ["rows", "study"])
def test_a_deletion_that_died_in_a_shared_ledger_can_be_repeated(
    tuner: Tuner, stored: SqlLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, died_after: str
) -> None:
    url = in_shared_ledger(stored, runs_dir)
    ledger = SqlLedger.open(url, SEARCH)
    with monkeypatch.context() as dying:
        if died_after == "rows":
            dying.setattr("tuner.ledger.sql_ledger.optuna.delete_study", raise_exit)
            with pytest.raises(SystemExit):
                ledger.delete()
            assert len(ledger.load()) == 6, "the study is there, so the search is found again"
            assert list(ledger.reports_at([1])) == []
            ledger.close()
        else:
            ledger.delete()
    other = f"sqlite:///{runs_dir / 'other.db'}"
    SqlLedger.create(other, "another", SPACE.objective_list, {}).close()
    assert tuner("delete", SEARCH, "--yes", "--no-mlflow", "--ledger", other).code == 2
    assert tuner("delete", SEARCH, "--yes", "--no-mlflow").code == 0
    assert not (runs_dir / SEARCH).exists()


def test_the_folder_is_removed_after_its_lock_is_released(
    tuner: Tuner, stored: SqlLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def lock(folder: Path, ledger_url: str) -> Iterator[None]:
        with driver_lock(folder, ledger_url):
            yield
            assert list(folder.iterdir()) == [], "on NFS the open lock file would still be there"

    stored.close()
    monkeypatch.setattr("tuner.driver.delete.driver_lock", lock)
    assert tuner("delete", SEARCH, "--yes", "--no-mlflow").code == 0
    assert not (runs_dir / SEARCH).exists()


def raise_exit(**_: object) -> None:
    raise SystemExit


def test_a_new_search_has_no_rows_of_one_that_another_program_deleted(stored: SqlLedger, runs_dir: Path) -> None:
    stored.instruct("set", {"values": {"search.trials": 9}})
    url = in_shared_ledger(stored, runs_dir)
    optuna.delete_study(study_name=SEARCH, storage=url)
    with SqlLedger.create(url, SEARCH, SPACE.objective_list, {}) as again:
        assert again.instructions() == []
        assert list(again.reports_at([1])) == []


def test_a_clone_is_a_search_that_a_resume_starts(tuner: Tuner, runs_dir: Path) -> None:
    driver = Driver(runs_dir)
    data = driver.run(to_the_end, trials=3)
    assert data == 0
    answer = tuner("clone", "small-1", "longer", "--set", "search.seed=7", "--set", "search.trials=2", "--learn")
    assert answer.code == 0, answer
    assert f"tuner run --resume longer --runs-dir {runs_dir}" in answer.out
    assert "not started" in tuner("status", "longer").out
    space: Space = plan_resume(Request(runs_dir=runs_dir), "longer").space
    assert (space.search.seed, space.search.trials, space.name) == (7, 2, "small")
    assert driver.run(to_the_end, resume="longer") == 0
    assert len(driver.trials("longer")) == 2
    assert tuner("clone", "small-1", "longer").code == 2


def test_a_search_in_object_storage_is_not_pruned(monkeypatch: pytest.MonkeyPatch, runs_dir: Path) -> None:
    monkeypatch.setattr("tuner.driver.prune.url_of", lambda _: "s3://bucket/small-1")
    with raises_about(UsageError, "s3://bucket/small-1"):
        find_prunable(SearchFolder(runs_dir / SEARCH), None, everything=False)


def test_pruning_keeps_the_epochs_on_the_front(tuner: Tuner, make_ledger: MakeLedger, runs_dir: Path) -> None:
    space = small_space(search={"trials": 6, "candidates": "every_evaluation"})
    ledger = make_ledger(space)
    drive(Search(space, ledger))
    for trial in ledger.load():
        for report in trial.reports:
            file = runs_dir / SEARCH / str(report.checkpoint) / "checkpoint.pt"
            file.parent.mkdir(parents=True)
            file.touch()
    front = load_search(runs_dir, SEARCH).data.front
    assert tuner("prune", SEARCH, "--yes").code == 0
    assert checkpoints(runs_dir) == {checkpoint_of(point.number, point.epoch or 0) for point in front}
