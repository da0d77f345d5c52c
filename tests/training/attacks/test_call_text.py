"""Attacks as a user writes them."""

import pytest
from raises_about import raises_about

from training.attacks.adversary import AttackError
from training.attacks.call_text import parse_call, split_names


def test_a_name_with_values_of_its_parameters() -> None:
    assert parse_call("pgd(steps=50, epsilon=8/255)") == ("pgd", {"steps": 50, "epsilon": 8 / 255})
    assert parse_call("my_attack:Flip(sides=(2, 3), loss=ce)") == ("my_attack:Flip", {"sides": (2, 3), "loss": "ce"})
    assert parse_call(" square ") == ("square", {})


def test_a_comma_inside_brackets_ends_no_name() -> None:
    assert split_names("pgd20, Pixle(restarts=3, x=(2, 10)),fgsm") == ["pgd20", "Pixle(restarts=3, x=(2, 10))", "fgsm"]


@pytest.mark.parametrize(
    "text", ["pgd(steps=5)(steps=3)", "pgd(steps=5, steps=6)", "pgd(5)", "pgd(**{})", "pgd(steps=)", "pgd(", "", "a b"]
)
def test_other_forms_are_refused_and_no_value_is_dropped(text: str) -> None:
    with raises_about(AttackError, text):
        parse_call(text)
