"""Searches on disk: folders and frozen spaces."""

import contextlib
from pathlib import Path

import pytest
from full_disk import full_disk
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, frozen_facts, frozen_search, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.runs.find import all_searches, new_search
from tuner.runs.folder import SearchFolder

SPACE = small_space()


def test_freezing_replaces_the_file_whole(runs_dir: Path) -> None:
    folder = frozen_search(runs_dir, "a")
    before = folder.space_file.read_text()
    with full_disk(), raises_about(UsageError, folder.path):
        folder.freeze(small_space(search={"trials": 99}), {})
    assert folder.space_file.read_text() == before
    folder.freeze(small_space(search={"trials": 99}), frozen_facts(ledger="postgresql://host/db"))
    assert folder.space().search.trials == 99
    assert folder.frozen() == frozen_facts(ledger="postgresql://host/db")


@pytest.mark.parametrize("fact", ["search_id", "created", "versions"])
def test_a_frozen_space_without_a_fact_that_every_search_has_is_refused(runs_dir: Path, fact: str) -> None:
    folder = frozen_search(runs_dir, "a")
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
    frozen_search(runs_dir, "sound")
    folder = frozen_search(runs_dir, "a")
    folder.freeze(SPACE, frozen_facts(**{fact: value}))
    for use in (folder.frozen, folder.ledger_url, folder.tracking_uri, folder.ledger):
        with contextlib.suppress(UsageError):
            use()
    with raises_about(UsageError, (folder.space_file, fact)):
        folder.frozen()
    assert [search.name for search in all_searches(runs_dir)] == ["sound", "a"]


def test_a_frozen_space_says_what_it_is_a_copy_of(runs_dir: Path) -> None:
    folder = frozen_search(runs_dir, "a")
    comment, *_ = folder.space_file.read_text().splitlines()
    assert {"#", "a,"} <= set(comment.split())


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: \0"])
def test_a_damaged_frozen_space_is_named(runs_dir: Path, text: str) -> None:
    folder = frozen_search(runs_dir, "a")
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
