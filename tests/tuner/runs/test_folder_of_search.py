"""Searches on disk: folders, frozen spaces, names."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from full_disk import full_disk
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, frozen_facts, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.runs.folder import SearchFolder, all_searches, find_search, new_search

SPACE = small_space()


def make_search(runs_dir: Path, name: str, created: str = "2026-01-01T00:00:00+00:00") -> SearchFolder:
    folder = SearchFolder(runs_dir / name)
    folder.path.mkdir(parents=True)
    folder.freeze(SPACE, frozen_facts(search_id=name, created=created))
    return folder


def test_freezing_replaces_the_file_whole(runs_dir: Path) -> None:
    folder = make_search(runs_dir, "a")
    before = folder.space_file.read_text()
    with full_disk(), raises_about(UsageError, folder.path):
        folder.freeze(small_space(search={"trials": 99}), {})
    assert folder.space_file.read_text() == before
    folder.freeze(small_space(search={"trials": 99}), frozen_facts(ledger="postgresql://host/db"))
    assert folder.space().search.trials == 99
    assert folder.frozen() == frozen_facts(ledger="postgresql://host/db")


@pytest.mark.parametrize("fact", ["search_id", "created", "versions"])
def test_a_frozen_space_without_a_fact_that_every_search_has_is_refused(runs_dir: Path, fact: str) -> None:
    folder = make_search(runs_dir, "a")
    facts = frozen_facts()
    del facts[fact]
    folder.freeze(SPACE, facts)
    with raises_about(UsageError, (folder.space_file, fact)):
        folder.frozen()
    assert folder.space() == SPACE
    assert [search.name for search in all_searches(runs_dir)] == ["a"]


@pytest.mark.parametrize(
    ("fact", "value"),
    [("ledger", 5), ("ledger", [1]), ("tracking_uri", {}), ("search_id", [1]), ("created", None), ("versions", 5)],
)
def test_a_frozen_space_with_a_fact_of_another_kind_is_refused_and_hides_no_other(
    runs_dir: Path, fact: str, value: object
) -> None:
    make_search(runs_dir, "sound")
    folder = make_search(runs_dir, "a")
    folder.freeze(SPACE, frozen_facts(**{fact: value}))
    for use in (folder.frozen, folder.ledger_url, folder.tracking_uri, folder.ledger):
        with contextlib.suppress(UsageError):
            use()
    with raises_about(UsageError, (folder.space_file, fact)):
        folder.frozen()
    assert [search.name for search in all_searches(runs_dir)] == ["sound", "a"]


def test_a_frozen_space_says_what_it_is_a_copy_of(runs_dir: Path) -> None:
    folder = make_search(runs_dir, "a")
    comment, *_ = folder.space_file.read_text().splitlines()
    assert {"#", "a,"} <= set(comment.split())


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: \0"])
def test_a_damaged_frozen_space_is_named(runs_dir: Path, text: str) -> None:
    folder = make_search(runs_dir, "a")
    folder.space_file.write_text(text)
    with raises_about(UsageError, folder.space_file):
        folder.space()


def test_what_a_driver_left_that_died_at_the_beginning_is_no_search_and_takes_no_name(runs_dir: Path) -> None:
    folder = SearchFolder(runs_dir / "mine")
    assert not folder.is_incomplete, "there is none"
    folder.path.mkdir(parents=True)
    (folder.path / "driver.lock").touch()
    (folder.path / "tmp123.tmp").touch()
    assert folder.is_incomplete
    assert new_search(runs_dir, "mine", SPACE) == folder
    begun = SqlLedger.create(f"sqlite:///{folder.path / 'ledger.db'}", "mine", SPACE.objective_list, {})
    assert folder.is_incomplete, "its ledger has no trial"
    begun.propose({}, {})
    begun.close()
    assert not folder.is_incomplete, "trials are never thrown away"
    with raises_about(UsageError, ("--name", "mine")):
        new_search(runs_dir, "mine", SPACE)
    (folder.path / "ledger.db").write_text("damaged")
    assert not folder.is_incomplete
    (folder.path / "ledger.db").unlink()
    folder.clear()
    assert [path.name for path in folder.path.iterdir()] == ["driver.lock"]
    (folder.path / "notes.txt").touch()
    assert not folder.is_incomplete, "somebody else's file"


def test_searches_are_listed_the_newest_first(runs_dir: Path) -> None:
    assert all_searches(runs_dir) == []
    for name, created in [("a", "2026-01-02"), ("b", "2026-01-03"), ("c", "2026-01-01")]:
        make_search(runs_dir, name, created)
    (runs_dir / "no search").mkdir()
    (runs_dir / "mlflow.db").touch()
    assert [folder.name for folder in all_searches(runs_dir)] == ["b", "a", "c"]


def test_one_damaged_search_hides_no_other(runs_dir: Path) -> None:
    make_search(runs_dir, "sound")
    make_search(runs_dir, "damaged").space_file.write_text("a: [")
    assert sorted(folder.name for folder in all_searches(runs_dir)) == ["damaged", "sound"]
    assert find_search(runs_dir, "sound").name == "sound"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "named pipe"])
def test_what_is_no_file_in_place_of_a_space_is_what_the_error_is_about(
    runs_dir: Path, make: Callable[[Path], None]
) -> None:
    (runs_dir / "damaged").mkdir(parents=True)
    make(runs_dir / "damaged" / "space.yaml")
    with raises_about(UsageError, runs_dir / "damaged" / "space.yaml"):
        find_search(runs_dir, "damaged").space()


def test_a_search_is_found_by_its_name(runs_dir: Path) -> None:
    folder = make_search(runs_dir, "digits_tradeoff-1")
    assert find_search(runs_dir, "digits_tradeoff-1") == folder
    for name, way in (
        ("digits_tradeof-1", f"{folder.name}?"),
        ("zzz", "tuner list"),
        ("a" * 300, "tuner list"),
        ("", "tuner list"),
    ):
        with raises_about(UsageError, name) as caught:
            find_search(runs_dir, name)
        assert way in str(caught.value)


def test_a_new_search_gets_the_first_free_number(runs_dir: Path) -> None:
    assert new_search(runs_dir, None, SPACE).name == "small-1"
    assert not runs_dir.exists(), "choosing a name makes nothing"
    for name in ("small-1", "small-2", "small-4", "small-other", "smaller-3"):
        (runs_dir / name).mkdir(parents=True)
    assert new_search(runs_dir, None, SPACE).name == "small-3"


def test_a_name_that_is_taken_is_refused_with_the_way_out(runs_dir: Path) -> None:
    make_search(runs_dir, "mine")
    (runs_dir / "other").mkdir()
    (runs_dir / "other" / "notes.txt").touch()
    for name, way in (("mine", "--resume mine"), ("other", f"{runs_dir}/other"), ("mlflow.db", "MLflow")):
        with raises_about(UsageError, ("--name", name)) as caught:
            new_search(runs_dir, name, SPACE)
        assert way in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "../a", "/a", ".hidden", "a/b", "..", "-a", "___", "a" * 93])
def test_a_name_must_do_as_a_folder_and_as_an_argument(runs_dir: Path, name: str) -> None:
    with raises_about(UsageError, ("--name", name)):
        new_search(runs_dir, name, SPACE)


@pytest.mark.parametrize("name", ["a", "2026-11-22", "v1.2_b", "a" * 92, "a" * 92 + "-confirm"])
def test_other_names_are_taken_as_they_are(runs_dir: Path, name: str) -> None:
    assert new_search(runs_dir, name, SPACE) == SearchFolder(runs_dir / name)


def test_the_ledger_is_where_the_frozen_space_says(make_ledger: MakeLedger, runs_dir: Path) -> None:
    ledger = make_ledger(SPACE)
    folder = SearchFolder(runs_dir / SEARCH)
    folder.ledger().close()
    moved = runs_dir / "elsewhere.db"
    ledger.close()
    (folder.path / "ledger.db").rename(moved)
    assert list(folder.path.glob("ledger.db*")) == [], "closing leaves nothing beside the file"
    with raises_about(UsageError, f"sqlite:///{folder.path}/ledger.db"):
        folder.ledger()
    folder.ledger(f"sqlite:///{moved}").close()
    folder.freeze(SPACE, {**folder.frozen(), "ledger": f"sqlite:///{moved}"})
    opened = folder.ledger()
    assert isinstance(opened, SqlLedger)
    opened.close()


def test_the_ledger_of_another_search_of_this_name_is_refused(make_ledger: MakeLedger, runs_dir: Path) -> None:
    make_ledger(SPACE, search_id="ours")
    folder = SearchFolder(runs_dir / SEARCH)
    folder.ledger().close()
    folder.freeze(SPACE, frozen_facts(search_id="theirs"))
    with raises_about(UsageError, ("ours", "theirs")):
        folder.ledger()
