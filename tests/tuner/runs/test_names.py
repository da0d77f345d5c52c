"""What a search may be called."""

import pytest
from raises_about import raises_about

from tuner.errors import UsageError
from tuner.runs.names import require_name


@pytest.mark.parametrize("name", ["", "a b", "../a", "/a", ".hidden", "a/b", "..", "-a", "___", "a" * 93])
def test_a_name_must_do_as_a_folder_and_as_an_argument(name: str) -> None:
    with raises_about(UsageError, ("--name", name)):
        require_name(name, "--name")


@pytest.mark.parametrize("name", ["a", "2026-11-22", "v1.2_b", "a" * 92, "a" * 92 + "-confirm"])
def test_other_names_are_taken_as_they_are(name: str) -> None:
    require_name(name, "--name")
