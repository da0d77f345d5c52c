"""Searches are found by name among the folders of `runs/`, and new ones get a free name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import frozen_search, small_space

from tuner.errors import UsageError
from tuner.runs.find import all_searches, find_search, new_search

SPACE = small_space()


def test_searches_are_listed_the_newest_first(runs_dir: Path) -> None:
    assert all_searches(runs_dir) == []
    for name, created in [("a", "2026-01-02"), ("b", "2026-01-03"), ("c", "2026-01-01")]:
        frozen_search(runs_dir, name, created)
    (runs_dir / "no search").mkdir()
    (runs_dir / "mlflow.db").touch()
    assert [folder.name for folder in all_searches(runs_dir)] == ["b", "a", "c"]


def test_one_damaged_search_hides_no_other(runs_dir: Path) -> None:
    frozen_search(runs_dir, "sound")
    frozen_search(runs_dir, "damaged").space_file.write_text("a: [")
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
    folder = frozen_search(runs_dir, "digits_tradeoff-1")
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
    frozen_search(runs_dir, "mine")
    (runs_dir / "other").mkdir()
    (runs_dir / "other" / "notes.txt").touch()
    for name, way in (("mine", "--resume mine"), ("other", f"{runs_dir}/other"), ("mlflow.db", "MLflow")):
        with raises_about(UsageError, ("--name", name)) as caught:
            new_search(runs_dir, name, SPACE)
        assert way in str(caught.value)
