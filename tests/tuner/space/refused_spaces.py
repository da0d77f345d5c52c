"""How the tests ask for the faults of a space: by their paths in the file."""

from typing import Any

from raises_about import raises_about

from tuner.errors import UsageError
from tuner.space import space_from_mapping


def refused(mapping: dict[str, Any], *paths: str) -> str:
    """Check that a space has these faults and no other; return the message, one line for each."""
    with raises_about(UsageError, paths) as caught:
        space_from_mapping(mapping, "my.yaml")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["my.yaml", path] for path in paths]
    return str(caught.value)
