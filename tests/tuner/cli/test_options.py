"""Options that several commands share."""

import pytest
from raises_about import raises_about

from tuner.cli.options import parse_duration
from tuner.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("45m", 2700), ("12h", 43200), ("2d", 172800), ("0.5h", 1800), ("1e3s", 1000)]
)
def test_durations_have_a_unit(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "90", "s", "0s", "-1h", "1 week", "nand", "infs"])
def test_other_durations_are_refused(text: str) -> None:
    with raises_about(UsageError, "--time-budget"):
        parse_duration(text)
