"""What the model of a search rests on: the trials with their losses at the levels, which are the rungs and the end."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from tuner.pareto.dominance import IntArray, constrained_rank, violations
from tuner.pareto.objectives import FloatArray, loss_limits, optimised
from tuner.space import Space

# The most trials that the model of one level is given: the time of a proposal grows with their square.
MOST_TRIALS = 256
# So many trials must be measured at the first level, and at each later one, before it is modelled.
FEWEST_AT_FIRST = 4
FEWEST = 3


@dataclass(frozen=True)
class Level:
    """The trials that are measured at a level and at all levels before it, in the order of their measurements.

    `numbers` identify them, `inputs` are their points, (n, d), `losses` theirs here, (n, m), and `before` those at the
    level before, (n, m), None at the first level.
    """

    numbers: tuple[int, ...]
    inputs: FloatArray
    before: FloatArray | None
    losses: FloatArray

    def __len__(self) -> int:
        return len(self.numbers)

    def of(self, chosen: IntArray) -> "Level":
        """Return the trials at these places."""
        before = None if self.before is None else self.before[chosen]
        numbers = tuple(self.numbers[place] for place in chosen.tolist())
        return Level(numbers, self.inputs[chosen], before, self.losses[chosen])

    def without(self, numbers: Collection[int]) -> "Level":
        """Return the level without some trials."""
        if not numbers:
            return self
        return self.of(
            np.array([place for place, number in enumerate(self.numbers) if number not in numbers], dtype=int)
        )


@dataclass(frozen=True)
class Unmeasured:
    """A trial that is not measured at the end: its point, (d,), its last level (-1: none), its losses there, (m,)."""

    inputs: FloatArray
    level: int
    losses: FloatArray | None


@dataclass(frozen=True)
class Wanted:
    """What the user wants of losses, which are those of the objectives, then those of the constraints.

    `limits`, (m,), are the largest losses that the user accepts, None if there are none. The last losses, as many as
    `constraints`, are not optimised. `reference` is the hypervolume's reference point: a loss for each objective.
    """

    limits: FloatArray | None
    constraints: int
    reference: FloatArray

    @classmethod
    def by(cls, space: Space) -> Self:
        """Return what a space wants."""
        return cls(loss_limits(space.criteria), len(space.constraint_list), space.reference_losses)


@dataclass(frozen=True)
class Measured:
    """The trials of a search at its levels, whose epochs are `epochs`, and what is wanted of their losses.

    A failed trial, one of the numbers in `lost`, is in `failed`, and with what it measured before it failed also in
    `levels`, except at the end.
    """

    epochs: tuple[int, ...]
    levels: tuple[Level, ...]
    running: tuple[Unmeasured, ...]
    failed: tuple[Unmeasured, ...]
    wanted: Wanted
    lost: frozenset[int] = frozenset()

    @cached_property
    def highest(self) -> int:
        """The highest level that can be modelled; -1: none.

        There, and at all levels before it, enough trials are measured that have not failed.
        """
        needed = [FEWEST_AT_FIRST, *[FEWEST] * (len(self.levels) - 1)]
        sound = [sum(number not in self.lost for number in level.numbers) for level in self.levels]
        enough = [count >= least for count, least in zip(sound, needed, strict=True)]
        return enough.index(False) - 1 if False in enough else len(enough) - 1

    @property
    def last(self) -> Level:
        """The sound trials at the highest level that can be modelled, which is taken for the end."""
        return self.levels[self.highest].without(self.lost)


def informative(level: Level, wanted: Wanted) -> Level:
    """Return the level with at most `MOST_TRIALS` of its trials: the best ones, the latest ones, and some of all ages.

    A third each. The best ones come first by their front.
    """
    if len(level) <= MOST_TRIALS:
        return level
    beyond = None if wanted.limits is None else violations(level.losses, wanted.limits)
    share = MOST_TRIALS // 3
    order = np.argsort(constrained_rank(optimised(level.losses, wanted.constraints), beyond), kind="stable")
    chosen = np.union1d(order[:share], np.arange(len(level) - share, len(level)))
    others = np.setdiff1d(np.arange(len(level)), chosen)
    spread = others[np.linspace(0, len(others) - 1, MOST_TRIALS - len(chosen)).round().astype(int)]
    return level.of(np.union1d(chosen, spread))
