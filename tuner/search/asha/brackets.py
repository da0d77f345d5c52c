"""Brackets of ASHA: each trial belongs to one, and each has its own first rung and its own comparisons.

Bracket s begins to compare `reduction_factor`^s times later than bracket 0, so that trials which learn slowly have
a chance even where the first rung misleads. A trial is compared with those of its own bracket only: those of an
earlier one that reach a rung were selected before, and would be too strong a field. How many trials a bracket gets
follows Hyperband (Li et al. 2018, arXiv:1603.06560): a similar number of epochs for each.
"""

from collections.abc import Sequence

import numpy as np

from tuner.pareto.objectives import FloatArray
from tuner.pareto.preference import TieBreak
from tuner.search.asha.rungs import Rungs

# Keeps the draw of a trial's bracket apart from the draw of its parameters.
_STREAM = 0xB4AC


def bracket_of(number: int, brackets: int, reduction_factor: int, seed: int) -> int:
    """Draw the bracket of a trial: a function of its number and the seed, so that a resumed search finds it again."""
    if brackets == 1:
        return 0
    sequence = np.random.SeedSequence((seed, number), spawn_key=(_STREAM,))
    shares = bracket_shares(brackets, reduction_factor)
    return int(np.random.default_rng(sequence).choice(brackets, p=shares))


def bracket_shares(brackets: int, reduction_factor: int) -> FloatArray:
    """Give the share of trials that each bracket gets, (brackets,), with sum 1.

    Hyperband's: with K + 1 brackets, proportional to factor^(K - s) * (K + 1) / (K - s + 1) for bracket s.
    """
    left = np.arange(brackets, dtype=np.float64)[::-1]
    weights = reduction_factor**left * brackets / (left + 1)
    shares: FloatArray = weights / weights.sum()
    return shares


class Brackets:
    """The rungs of all brackets, by trial number; with one bracket, plain ASHA. Without rungs nobody is stopped.

    `epochs` are the rungs of the first bracket; each next one leaves out the first rung of the one before it. There are
    at most as many brackets as rungs, so that each compares at least once.
    """

    def __init__(
        self,
        epochs: Sequence[int],
        reduction_factor: int,
        *,
        brackets: int = 1,
        seed: int = 0,
        tie_break: TieBreak = "farthest_first",
        limits: FloatArray | None = None,
    ) -> None:
        self.epochs = list(epochs)
        self._count = max(1, min(brackets, len(self.epochs)))
        self._factor = reduction_factor
        self._seed = seed
        self._rungs = [Rungs(self.epochs[s:], reduction_factor, tie_break, limits) for s in range(self._count)]

    def is_rung(self, number: int, epoch: int) -> bool:
        """Say whether this trial is compared after this epoch."""
        return self._of(number).is_rung(epoch)

    def record(self, number: int, epoch: int, losses: FloatArray) -> None:
        """Note a trial's losses, shape (objectives,), lower is better, at a rung of its bracket."""
        self._of(number).record(epoch, number, losses)

    def continues(self, number: int, epoch: int) -> bool:
        """Judge a trial that is recorded at this rung; one with a NaN or infinite loss never goes on."""
        return self._of(number).continues(epoch, number)

    def _of(self, number: int) -> Rungs:
        return self._rungs[bracket_of(number, self._count, self._factor, self._seed)]
