"""The process of another package's search: it answers lines of JSON on its standard input, and imports no other file.

The first line is a `Setting`. Then `{}` asks for the next training, which is answered by an `Asked`, and
`{"number": n, "losses": [a, b]}` tells the losses at the epoch that was asked for.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Setting:
    """A task as a space file describes it, and the seed of the search."""

    parameters: dict[str, dict[str, Any]]
    epochs: int
    grace_epochs: int
    reduction_factor: int
    seed: int


@dataclass(frozen=True)
class Asked:
    """A training to do: the number of the trial, its point, and the epoch to which it goes on from where it is."""

    number: int
    point: dict[str, Any]
    epoch: int


class AskAndTell(Protocol):
    """A search of another package."""

    def ask(self) -> Asked:
        """Return the next training."""

    def tell(self, number: int, losses: tuple[float, float]) -> None:
        """Take the losses of a trial at the epoch that was asked for."""


def serve(make: Callable[[Setting], AskAndTell]) -> None:
    """Answer until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the package prints must not be taken for an answer
    search = make(Setting(**json.loads(sys.stdin.readline())))
    for line in sys.stdin:
        told = json.loads(line)
        if told:
            first, second = told["losses"]
            search.tell(told["number"], (first, second))
        else:
            print(json.dumps(asdict(search.ask())), file=answers, flush=True)
