from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from raises_about import raises_about

from training.config import ConfigError, field_problems, foreign_keys, parse_trial
from training.config.fields import positive, whole
from training.outside_code import PlugInError
from training.registry import ARCHITECTURES, OBJECTIVES, Registry
from training.registry_entry import Problems


@pytest.fixture
def letters() -> Registry:
    """A registry without built-in names."""
    return Registry("letter", "training.compute", ("model",))


@pytest.fixture
def pairing() -> Iterator[None]:
    """An objective with two knobs, one of which another objective has with another rule, and a rule between them."""

    def conflicts(values: Mapping[str, Any]) -> Problems:
        return [("rounds", "more rounds than lambda")] if values["rounds"] > values["lam"] else []

    @OBJECTIVES.register("pairing", conflicts=conflicts, lam=whole(9, 5), rounds=whole(2, 1))
    def build(*, lam: int, rounds: int) -> tuple[int, int]:
        return lam, rounds

    yield
    del OBJECTIVES._entries["pairing"]


def test_what_is_registered_is_called_with_its_knobs_and_with_what_it_asks_for(letters: Registry) -> None:
    @letters.register("a", width=whole(3, 1))
    def build(*, width: int, model: str) -> tuple[int, str]:
        return width, model

    assert letters["a"].build({"width": 5, "other": 0}, model="m", generator="g") == (5, "m")
    assert build(width=1, model="m") == (1, "m"), "the function itself is unchanged"
    assert ("a" in letters, "b" in letters, list(letters), letters.owners("width")) == (True, False, ["a"], ["a"])


def test_what_asks_for_all_values_gets_them(letters: Registry) -> None:
    @letters.register("a", width=whole(3, 1))
    def build(values: Mapping[str, Any], **knobs: Any) -> tuple[Mapping[str, Any], dict[str, Any]]:
        return values, knobs

    del build
    assert letters["a"].build({"width": 5, "other": 0}) == ({"width": 5, "other": 0}, {"width": 5})


def test_a_name_is_taken_once_and_every_knob_is_a_parameter(letters: Registry) -> None:
    def one() -> int:
        return 1

    def other() -> int:
        return 2

    letters.register("a")(one)
    with raises_about(PlugInError, "a"):
        letters.register("a")(other)
    letters.register("a")(one)
    with raises_about(PlugInError, "b"):
        letters.register("b", width=whole(3, 1))(lambda: 2)
    assert list(letters) == ["a"]


@pytest.mark.usefixtures("pairing")
def test_knobs_are_keys_with_default_rule_and_conflicts() -> None:
    config = parse_trial({"objective": "pairing", "lambda": 7})
    assert config.knobs == {"lam": 7, "rounds": 2}
    assert parse_trial(config.to_mapping()) == config
    assert OBJECTIVES["pairing"].build(config.values) == (7, 2)
    for values, key in (
        ({"lambda": 4}, "lambda"),
        ({"rounds": 8, "lambda": 5}, "rounds"),
        ({"alpha": 0.5}, "alpha"),
        ({"roundz": 2}, "roundz"),
    ):
        with pytest.raises(ConfigError) as refused:
            parse_trial({"objective": "pairing", **values})
        assert [found for found, _ in refused.value.problems] == [key]


@pytest.mark.usefixtures("pairing")
def test_a_key_by_itself_is_right_if_one_of_its_owners_accepts_it() -> None:
    assert field_problems({"lambda": 0.5, "rounds": 1}) == []
    assert [key for key, _ in field_problems({"lambda": -1, "rounds": 0, "nothing": 1})] == [
        "lambda",
        "rounds",
        "nothing",
    ]


@pytest.mark.usefixtures("pairing")
def test_foreign_keys_are_known_and_of_a_name_that_is_not_chosen() -> None:
    values = {"objective": "pairing", "alpha": 0.5, "lambda": 9, "hsic_width": "nearest", "epochs": 3, "unknown": 1}
    assert foreign_keys(values) == ["alpha", "hsic_width"]


@pytest.mark.parametrize("registry", [ARCHITECTURES, OBJECTIVES], ids=lambda registry: registry.key)
def test_each_module_of_the_package_registers_its_names(registry: Registry) -> None:
    assert list(registry) == sorted(registry)
    assert all(registry[name].name == name for name in registry)


def test_a_default_follows_the_rule_of_its_knob(letters: Registry) -> None:
    letters.register("a", size=positive(2.0))(lambda size: size)
    knob = letters["a"].knobs["size"]
    assert knob.metadata["rule"].read(knob.default) == 2.0
