"""Which kills fall on which search: the same for the same options, whoever is attacked."""

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.victims import Victim

# Of twenty kills; all but a trial's process take everything with them.
_TURNS = (*[Victim.DRIVER] * 6, *[Victim.TRIAL] * 10, *[Victim.RAYLET] * 3, Victim.HEAD)


@dataclass(frozen=True)
class Turn:
    """One search of a plan: whom to kill in it and, from `key`, when; `words` are its command's options."""

    victims: list[Victim]
    key: str
    alone: bool
    words: list[str]

    def rng(self) -> random.Random:
        """Give the source of this search's moments, signals and choices, from its beginning."""
        return random.Random(self.key)  # noqa: S311 - kills, not secrets


class Plan:
    """The kills in their order, spread over searches; a search that ends early leaves its own to one more."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._left = [_TURNS[turn % len(_TURNS)] for turn in range(arguments.kills)]
        random.Random(arguments.seed).shuffle(self._left)  # noqa: S311
        self._share = -(-arguments.kills // arguments.searches)
        self._trials = arguments.trials
        self._seed = arguments.seed

    @property
    def left(self) -> int:
        """How many kills were not carried out yet."""
        return len(self._left)

    def turn(self, index: int) -> Turn:
        """Give the search of this index; every second one runs one trial at a time."""
        alone = index % 2 == 1
        words = ["--trials", str(self._trials), "--seed", str(self._seed + index)]
        words += ["--concurrency", "1" if alone else "2"]
        return Turn(self._left[: self._share], f"{self._seed} {index}", alone, words)

    def carried_out(self, kills: int) -> None:
        """Strike so many off the list."""
        self._left = self._left[kills:]


def options(description: str | None) -> argparse.Namespace:
    """Read the options of a plan from the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--searches", type=int, default=6)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the searches lie and stay; else they are removed")
    return parser.parse_args()


@contextmanager
def working_folder(folder: Path | None) -> Iterator[Path]:
    """Make the folder of the searches, or one that is removed at the end."""
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
