"""A space that is built in Python has the content and the checks of a space file."""

from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import small_space, space_mapping

from tuner import Space
from tuner.errors import UsageError
from tuner.space import Space as CheckedSpace
from tuner.space import load_space


def test_it_is_the_space_of_the_same_file(small_file: str) -> None:
    built, loaded = Space(**space_mapping()), Space.load(small_file)
    assert isinstance(built, CheckedSpace)
    assert built == loaded
    assert built.model_dump() == load_space(small_file).model_dump() == small_space().model_dump()


def test_faults_are_told_at_once_by_their_keys() -> None:
    mapping = space_mapping(trial={"epochs": 0}, objectives={"speed": {}})
    with pytest.raises(UsageError) as caught:
        Space(**mapping)
    assert set(caught.value.subject) == {"objectives.speed", "trial.epochs"}  # type: ignore[call-overload]


def test_changes_have_short_and_dotted_keys(small_file: str) -> None:
    changes = {"search.trials": 5, "epsilon": "4/255", "parameters.alpha.high": 0.5}
    for space in (Space.load(small_file, changes), Space(**space_mapping()).changed(changes)):
        assert space.search.trials == 5
        assert space.example.epsilon == pytest.approx(4 / 255)
        assert space.parameters["alpha"].extremes() == {"low": 0.0, "high": 0.5}


def test_a_short_key_of_another_section_is_refused(small_file: str) -> None:
    with raises_about(UsageError, "trials"):
        Space.load(small_file, {"trials": 5})
    with raises_about(UsageError, "search.trials.deep"):
        Space.load(small_file, {"search.trials.deep": 5, "search.trials": 5})


def test_a_saved_space_is_loaded_again(tmp_path: Path) -> None:
    space = Space(**space_mapping(search={"trials": 7}))
    assert Space.load(space.save(tmp_path / "saved.yaml")) == space


def test_the_arguments_are_not_changed() -> None:
    mapping = space_mapping()
    Space(**mapping).changed({"search.trials": 5})
    assert mapping == space_mapping()
