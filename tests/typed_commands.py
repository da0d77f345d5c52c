"""How the tests of the command line type a command: in this process, with nothing set from outside."""

from collections.abc import Callable
from typing import NamedTuple


class Answer(NamedTuple):
    """What a command leaves: its exit code, and what it printed."""

    code: int
    out: str
    err: str


Tuner = Callable[..., Answer]
