"""What a driver writes before the first trial, and what it leaves if it cannot."""

import errno
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from full_disk import full_disk
from raises_about import raises_about
from simulated_driver import Driver, interrupted, refused, to_the_end
from simulated_search import small_space

from tuner.driver.create import _git_commit, make_folder, provenance, settle_incomplete
from tuner.driver.plan import Request, plan_new, plan_resume, plan_search
from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock, only_driver
from tuner.search import Search


@pytest.fixture
def driver(runs_dir: Path) -> Driver:
    return Driver(runs_dir)


def test_the_frozen_space_and_the_ledger_know_the_search(driver: Driver) -> None:
    driver.run(to_the_end, name="mine", trials=2)
    frozen = driver.folder("mine").frozen()
    with driver.folder("mine").ledger() as ledger:
        facts = ledger.facts()
    assert frozen["search_id"] == facts["search_id"]
    assert frozen["search_id"].startswith("mine-")
    assert facts["versions"] == frozen["versions"]
    assert facts["space"] == driver.folder("mine").space().model_dump(mode="json")
    assert driver.folder("mine").space().search.trials == 2


def test_a_search_remembers_what_it_was_made_with() -> None:
    made = provenance()
    assert set(made["versions"]) >= {"python", "torch", "ray", "optuna", "mlflow", "numpy", "robust-tuner"}
    assert made["created"].endswith("+00:00")


def test_other_versions_than_at_the_beginning_are_told(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    driver.run(interrupted)
    assert driver.run(interrupted, resume="small-1") == 130
    assert caplog.messages == []
    folder = driver.folder()
    versions = dict.fromkeys(folder.frozen()["versions"], "0.0")
    folder.freeze(folder.space(), {**folder.frozen(), "versions": versions})
    assert driver.run(to_the_end, resume="small-1") == 0
    (warning,) = caplog.messages
    assert all(package in warning and now in warning for package, now in provenance()["versions"].items())


def test_a_warm_start_is_in_the_ledger_and_in_the_frozen_space(driver: Driver) -> None:
    driver.run(to_the_end, name="old")
    driver.run(to_the_end, name="new", warm_start=["old"])
    assert re.search(r"\b3\b.*\bold\b", driver.text), "the opening tells of them"
    assert driver.folder("new").frozen()["warm_start"] == {"old": 3}
    with driver.folder("new").ledger() as ledger:
        assert [trial["number"] for trial in ledger.facts()["warm_start"]] == [0, 1, 2]
    assert len(driver.trials("new")) == 3


def test_a_runs_folder_may_be_moved(driver: Driver, tmp_path: Path) -> None:
    """MLflow's default store and the ledger lie beside the search, wherever that is now."""
    driver.run(interrupted)
    moved = tmp_path / "moved"
    shutil.move(driver.runs_dir, moved)
    plan = plan_resume(Request(runs_dir=moved), "small-1")
    assert plan.tracking_uri == f"sqlite:///{moved}/mlflow.db"
    assert plan.ledger_url == f"sqlite:///{moved}/small-1/ledger.db"


def test_a_tracking_uri_is_remembered(driver: Driver, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/other.db"
    driver.run(interrupted, tracking_uri=uri)
    assert plan_resume(Request(runs_dir=driver.runs_dir), "small-1").tracking_uri == uri


def test_a_search_that_was_killed_while_it_was_made_is_begun_anew(driver: Driver) -> None:
    folder = driver.runs_dir / "mine"
    folder.mkdir(parents=True)
    (folder / "driver.lock").touch()
    SqlLedger.create(f"sqlite:///{folder / 'ledger.db'}", "mine", small_space().objective_list, {}).close()
    assert driver.run(to_the_end, name="mine") == 0
    assert (folder / "space.yaml").is_file()
    before = driver.trials("mine")
    with raises_about(UsageError, "mine"):
        settle_incomplete(plan_resume(Request(runs_dir=driver.runs_dir), "mine"), driver.request(name="mine"))
    assert driver.trials("mine") == before, "a search that is whole is never cleared"


def test_a_search_that_was_killed_while_it_was_made_is_begun_anew_in_a_shared_ledger(
    driver: Driver, tmp_path: Path
) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db"
    folder = SearchFolder(driver.runs_dir / "mine")
    folder.path.mkdir(parents=True)
    folder.write_creation_mark("mine-0a1b2c3d")
    SqlLedger.create(shared, "mine", small_space().objective_list, {"search_id": "mine-0a1b2c3d"}).close()
    SqlLedger.create(shared, "another", small_space().objective_list, {"search_id": "another-0a1b2c3d"}).close()
    assert driver.run(to_the_end, name="mine", ledger=shared) == 0
    assert len(driver.trials("mine")) == 3
    assert sorted(path.name for path in folder.path.glob("*.tmp")) == []
    refused(driver, "another", name="another", ledger=shared)


def test_a_search_that_could_not_be_written_leaves_its_name_free_in_a_shared_ledger(
    driver: Driver, tmp_path: Path
) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db"

    @contextmanager
    def lock(folder: Path, ledger_url: str) -> Iterator[None]:
        (folder / "space.yaml").mkdir()  # no file can replace it
        with driver_lock(folder, ledger_url):
            yield

    refused(driver, driver.folder().path, ledger=shared, lock=lock)
    assert not driver.runs_dir.exists()
    assert driver.run(to_the_end, ledger=shared) == 0


def test_two_unnamed_searches_planned_at_the_same_moment_get_two_names(driver: Driver) -> None:
    request = driver.request()
    first, second = plan_new(request), plan_new(request)
    assert first.folder == second.folder
    for plan in (first, second):
        driver.drive(plan, request, to_the_end)
    for name in ("small-1", "small-2"):
        assert len(driver.trials(name)) == 3
        assert (driver.folder(name).path / "ledger.db").is_file()


def test_a_name_that_another_driver_took_meanwhile_is_refused(driver: Driver) -> None:
    request = driver.request(name="mine")
    plan = plan_new(request)
    driver.drive(plan, request, to_the_end)
    with raises_about(UsageError, ("--name", "mine")):
        driver.drive(plan, request, to_the_end)


def test_a_name_that_another_machine_took_in_a_shared_ledger_is_refused(driver: Driver, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path}/shared.db?timeout=9"
    driver.run(to_the_end, ledger=shared)
    frozen = driver.folder().frozen()
    assert frozen["ledger"] == shared
    assert not (driver.folder().path / "ledger.db").exists()
    assert len(driver.trials()) == 3
    shutil.rmtree(driver.runs_dir)
    assert "--name" in refused(driver, "small-1", ledger=shared)
    assert not driver.runs_dir.exists()


def test_a_runs_folder_that_cannot_be_made_is_named(driver: Driver, small_file: str) -> None:
    driver.runs_dir.write_text("a file")
    assert "--runs-dir" in refused(driver, "--tracking-uri"), "where MLflow's database would be"
    request = Request(space=small_file, runs_dir=driver.runs_dir)
    with raises_about(UsageError, driver.folder().path) as unmade:
        make_folder(plan_new(request), request)
    assert "--runs-dir" in str(unmade.value)


def test_a_disk_that_is_full_before_the_search_begins_is_named(driver: Driver) -> None:
    @contextmanager
    def lock(folder: Path, ledger_url: str) -> Iterator[None]:
        with full_disk(), driver_lock(folder, ledger_url):
            yield

    refused(driver, driver.folder().path / "driver.lock", lock=lock)
    assert not driver.runs_dir.exists()


def test_without_a_lock_no_folder_is_left(driver: Driver) -> None:
    def flock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available", file, operation)

    refused(driver, driver.folder().path, lock=lambda folder, _: only_driver(folder, flock))
    assert not driver.runs_dir.exists()


def test_two_jobs_that_resume_or_start_at_the_same_moment_share_one_search(driver: Driver) -> None:
    request = driver.request(name="mine", resume_or_start=True)
    first, second, third = (plan_search(request) for _ in range(3))

    def meanwhile(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
        with raises_about(UsageError, "mine"):
            driver.drive(second, request, to_the_end)
        return interrupted(search, folder, options, events)

    assert driver.drive(first, request, meanwhile) == 130
    assert driver.drive(third, request, to_the_end) == 0
    assert len(driver.trials("mine")) == 3


def test_resume_or_start_continues_a_search_that_another_driver_creates_and_leaves(driver: Driver) -> None:
    request = driver.request(name="mine", resume_or_start=True)
    folder = driver.folder("mine").path
    folder.mkdir(parents=True)
    (folder / "driver.lock").touch()
    first, second = plan_search(request), plan_search(request)
    assert second.folder.is_incomplete
    assert driver.drive(first, request, interrupted) == 130
    before = driver.trials("mine")
    assert driver.drive(second, request, to_the_end) == 0
    assert [trial.parameters for trial in driver.trials("mine")][: len(before)] == [t.parameters for t in before]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_the_repository_that_tracks_the_file(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        done = subprocess.run(
            ["git", *identity, "-C", str(tmp_path), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    tracked, installed = tmp_path / "create.py", tmp_path / ".venv" / "create.py"
    installed.parent.mkdir()
    for file in (tracked, installed):
        file.touch()
    git("init")
    assert _git_commit(tracked) is None, "nothing is tracked yet"
    git("add", "create.py")
    git("commit", "-m", "first")
    assert _git_commit(tracked) == git("rev-parse", "HEAD")
    assert _git_commit(installed) is None
