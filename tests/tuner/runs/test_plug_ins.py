"""The record of the code from outside, beside a frozen space."""

import sys
from pathlib import Path

import pytest
from plug_ins import plug_ins
from raises_about import raises_about
from simulated_confirmation import confirmation
from simulated_search import frozen_facts, small_space

from training.outside_sources import Source
from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder
from tuner.runs.plug_ins import (
    hashes_of_start_weights,
    look_where_recorded,
    plug_ins_fact,
    plug_ins_of,
    require_unchanged,
    shared_plug_ins,
)
from tuner.space import space_from_mapping

SAMPLER = "import optuna\n\ndef drawn(seed): return optuna.samplers.RandomSampler(seed=seed)\n"
SOURCE = Source("mine", Path("/code/mine.py"), "0123456789abcdef", is_installed=False)


def folder_with(runs_dir: Path, facts: object) -> SearchFolder:
    folder = SearchFolder(runs_dir / "a")
    folder.path.mkdir(parents=True)
    folder.freeze(small_space(), frozen_facts(plug_ins=facts))
    return folder


def test_a_space_without_code_from_outside_has_no_record() -> None:
    assert plug_ins_of(small_space()) == []
    assert plug_ins_fact([]) == {}


def test_a_confirmation_is_compared_in_the_modules_that_it_shares_with_its_search(tmp_path: Path) -> None:
    files = {"own_attacks.py": "def still(images): return images\n", "own_samplers.py": SAMPLER}
    with plug_ins(tmp_path, files):
        search = small_space(search={"sampler": "own_samplers:drawn"})
        mapping = confirmation().model_dump(mode="json")
        mapping["confirm"]["attacks"] = ["pgd20", "own_attacks:still"]
        confirming = space_from_mapping(mapping, "confirmation")
        assert [source.module for source in plug_ins_of(confirming)] == ["own_attacks"]
        assert shared_plug_ins(confirming, search) == []
        assert shared_plug_ins(search, search) == [], "a sampler changes no trial"


def test_the_same_code_may_continue_also_from_another_place(runs_dir: Path) -> None:
    folder = folder_with(runs_dir, plug_ins_fact([SOURCE])["plug_ins"])
    require_unchanged(folder, [SOURCE])
    require_unchanged(folder, [Source("mine", Path("/other/mine.py"), SOURCE.hash, is_installed=True)])
    require_unchanged(folder, [])


@pytest.mark.parametrize("facts", [{}, {"mine": {"place": "/code/mine.py", "hash": "x"}}, {"mine": 3}, {"mine": {}}])
def test_changed_or_unknown_code_is_named(runs_dir: Path, facts: object) -> None:
    with raises_about(UsageError, "mine"):
        require_unchanged(folder_with(runs_dir, facts), [SOURCE])


def test_a_file_of_start_weights_is_recorded_and_may_not_change(tmp_path: Path, runs_dir: Path) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(b"1")
    space = small_space(trial={"start_weights": str(file)})
    (source,) = plug_ins_of(space)
    assert (source.place, source.is_installed) == (file, True)
    folder = folder_with(runs_dir, plug_ins_fact([source])["plug_ins"])
    require_unchanged(folder, plug_ins_of(space))
    before = list(sys.path)
    look_where_recorded(folder)
    assert sys.path == before
    assert hashes_of_start_weights([SOURCE, source]) == {str(file): source.hash}
    assert shared_plug_ins(space, space) == [source], "a confirmation trains from the same file"
    assert shared_plug_ins(space, small_space()) == []
    file.write_bytes(b"2")
    with raises_about(UsageError, source.module):
        require_unchanged(folder, plug_ins_of(space))
    file.unlink()
    with raises_about(UsageError, file):
        plug_ins_of(space)
    with raises_about(UsageError, "start_weights"):
        plug_ins_of(small_space(trial={"start_weights": "weights.pt"}))


def test_a_confirmation_is_compared_in_the_start_weights_as_well(tmp_path: Path) -> None:
    """It trains again from them."""
    file = tmp_path / "weights.pt"
    file.write_bytes(b"1")
    space = small_space(trial={"start_weights": str(file)})
    assert [source.place for source in shared_plug_ins(space, space)] == [file]


def test_a_record_that_is_no_mapping_is_refused(runs_dir: Path) -> None:
    folder = folder_with(runs_dir, [1])
    with raises_about(UsageError, (folder.space_file, "plug_ins")):
        require_unchanged(folder, [SOURCE])


def test_modules_are_looked_for_where_they_lay(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    look_where_recorded(folder_with(runs_dir, {"mine": {"place": str(tmp_path / "code" / "mine.py"), "hash": "x"}}))
    assert sys.path[-1] == str(tmp_path / "code")
