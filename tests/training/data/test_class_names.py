"""The names of classes, compared with their order."""

import pytest

from training.data.class_names import naming_difference


def test_equal_names_do_not_differ() -> None:
    assert naming_difference(["ant", "bee"], ("ant", "bee")) == ""


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (["bee", "ant"], ["label 0", "'bee'", "'ant'", "order"]),
        (["ant", "cat"], ["label 1", "'cat'", "'bee'", "other names"]),
        (["ant", "bee", "cat"], ["3 classes", "2", "'cat'"]),
        (["ant"], ["1 classes", "2", "'bee'"]),
    ],
)
def test_the_difference_is_named(found: list[str], named: list[str]) -> None:
    text = naming_difference(found, ["ant", "bee"])
    assert all(each in text for each in named), text
