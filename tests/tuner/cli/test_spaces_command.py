"""`tuner spaces`."""

from pathlib import Path

import pytest
from typed_commands import Tuner

from training.yaml_text import parse_yaml
from tuner.space import load_space, space_from_mapping

SHIPPED = [
    *("digits_tradeoff", "digits_methods", "digits_hsic", "mnist_tradeoff"),
    *("cifar10_tradeoff", "cifar10_hsic", "cifar100_tradeoff"),
]


def test_spaces_are_listed_with_and_without_the_word(tuner: Tuner) -> None:
    answer = tuner("spaces", "list")
    assert answer == tuner("spaces")
    assert answer.code == 0
    for name in SHIPPED:
        assert any(line.split()[:1] == [name] for line in answer.out.splitlines())


def test_an_invalid_space_is_listed_with_the_command_that_shows_why(tuner: Tuner, tmp_path: Path) -> None:
    folder = tmp_path / "search_spaces"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: mine\n")
    answer = tuner("spaces")
    assert answer.code == 0
    assert "tuner spaces check search_spaces/mine.yaml" in answer.out


@pytest.mark.parametrize("name", SHIPPED)
def test_a_space_is_shown_whole_as_a_space_file(tuner: Tuner, name: str) -> None:
    answer = tuner("spaces", "show", name)
    shown = parse_yaml(answer.out)
    space = space_from_mapping(shown, "shown")
    assert space.parameters == load_space(name).parameters
    assert space.trial_config({}) == load_space(name).trial_config({})
    assert shown["trial"]["batch_size"]


def test_a_space_is_shown_after_overrides(tuner: Tuner, small_file: str) -> None:
    shown = parse_yaml(tuner("spaces", "show", small_file, "--set", "epochs=4").out)
    assert shown["trial"]["epochs"] == 4


def test_a_space_is_checked(tuner: Tuner, small_file: str, tmp_path: Path) -> None:
    answer = tuner("spaces", "check", small_file)
    assert (answer.code, answer.err) == (0, "")
    assert all(fact in answer.out for fact in (small_file, "3 parameters", "12 trials"))
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\ntrials: 3\n")
    answer = tuner("spaces", "check", str(bad))
    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 4
    assert f"{bad}: trials: " in answer.err


def test_metrics_are_listed_with_their_unit_and_direction(tuner: Tuner) -> None:
    rows = [line.split() for line in tuner("spaces", "keys").out.splitlines()]
    assert ["worst_class_pgd_accuracy", "share;", "default:", "maximize"] in rows
    assert ["parameters", "number;", "default:", "minimize"] in rows
