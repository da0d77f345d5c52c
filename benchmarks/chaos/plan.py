"""Which process is killed in which search: the same plan for the same options, whatever runs the search."""

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.victims import Victim

# The victims of twenty kills. All but the kill of a trial's process end the whole session.
_TURNS = (*[Victim.DRIVER] * 6, *[Victim.TRIAL] * 10, *[Victim.RAYLET] * 3, Victim.HEAD)


@dataclass(frozen=True)
class Turn:
    """One search of a plan: its victims in order, the seed `key` of the moments, and its command's options `words`."""

    victims: list[Victim]
    key: str
    alone: bool
    words: list[str]

    def rng(self) -> random.Random:
        """Return a new generator for this search's moments, signals and choices."""
        return random.Random(self.key)  # noqa: S311 - kills, not secrets


class Plan:
    """The kills in order, spread over searches; what a search does not use because it ends early goes to the next."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._left = [_TURNS[turn % len(_TURNS)] for turn in range(arguments.kills)]
        random.Random(arguments.seed).shuffle(self._left)  # noqa: S311
        self._share = -(-arguments.kills // arguments.searches)
        self._trials = arguments.trials
        self._seed = arguments.seed

    @property
    def left(self) -> int:
        """How many kills are left."""
        return len(self._left)

    def turn(self, index: int) -> Turn:
        """Return the search with this index; every second one runs one trial at a time."""
        alone = index % 2 == 1
        words = ["--trials", str(self._trials), "--seed", str(self._seed + index)]
        words += ["--concurrency", "1" if alone else "2"]
        return Turn(self._left[: self._share], f"{self._seed} {index}", alone, words)

    def carried_out(self, kills: int) -> None:
        """Remove this many kills from the plan."""
        self._left = self._left[kills:]


def options(description: str | None, *, clients: bool = False) -> argparse.Namespace:
    """Read the options of a plan from the command line; `clients` adds --clients."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--searches", type=int, default=6)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    if clients:
        what = "optuna-dashboard, Optuna and MLflow write into the searches at random meanwhile"
        parser.add_argument("--clients", action="store_true", help=what)
    parser.add_argument(
        "--folder", type=Path, help="folder that keeps the searches; without it they are removed at the end"
    )
    return parser.parse_args()


@contextmanager
def working_folder(folder: Path | None) -> Iterator[Path]:
    """Create the folder of the searches; without one use a temporary folder."""
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
