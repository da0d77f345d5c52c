"""Trainings of one point with several seeds: `search.reseed` adds them to a search of single trainings.

The first trial of a point has the seed of the search, which is no parameter of it. A repeat has the same parameters
and a `seed`. So the parameters alone, which every ledger has, say what is a repeat of what.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution

SEED = "seed"
# The most trainings of a point. The seeds of a confirmation lie above theirs.
MOST_SEEDS = 5
SEED_DISTRIBUTION: BaseDistribution = IntDistribution(0, 2**31 - 1)


def trainings_of_points(parameters: Mapping[int, Mapping[str, Any]]) -> Iterable[list[int]]:
    """Yield the trials of each point, the first one, which has no seed of its own, before its repeats.

    `parameters` are those of the trials by number. A trial of which no first trial is there is left out.
    """
    firsts: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    found: list[list[int]] = []
    for number, given in parameters.items():
        key = tuple(sorted((name, value) for name, value in given.items() if name != SEED))
        if SEED not in given:
            found.append([number])
            firsts.setdefault(key, found[-1])
        elif key in firsts:
            firsts[key].append(number)
    return found
