"""The manual names every key that may change on a resume."""

from pathlib import Path

import pytest

from tuner.space.continued import FREE_KEYS


@pytest.mark.parametrize("key", FREE_KEYS)
def test_the_manual_names_what_may_change(key: str) -> None:
    manual = Path(__file__).parents[2] / "docs" / "resume.md"
    (paragraph,) = [item for item in manual.read_text("utf-8").split("\n- ") if item.startswith("These may change:")]
    assert f"`{key.removeprefix('trial.')}`" in paragraph
