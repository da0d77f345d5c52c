"""How the tests of the command line type a command: in this process, with nothing set from outside."""

from collections.abc import Callable
from typing import NamedTuple


class Answer(NamedTuple):
    """What a command leaves: its exit code, and what it printed."""

    code: int
    out: str
    err: str


Tuner = Callable[..., Answer]


def labelled(printed: str) -> dict[str, str]:
    """Return the lines `Label:  value` of a printed form by their labels."""
    lines = (line.partition(":") for line in printed.splitlines())
    return {label.strip(): value.strip() for label, _, value in lines}
