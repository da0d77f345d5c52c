"""Which of very many measured trials the sampler is told of."""

import numpy as np
import pytest

from tuner.pareto.dominance import non_domination_rank
from tuner.pareto.objectives import FloatArray
from tuner.search.comparable_values import MOST_TOLD, most_informative


@pytest.mark.parametrize("limits", [None, np.array([np.inf, 0.5])])
def test_the_best_fronts_and_the_latest_trials_are_told(limits: FloatArray | None) -> None:
    losses = np.random.default_rng(0).random((3 * MOST_TOLD, 2))
    told = most_informative(losses, limits).tolist()
    assert len(set(told)) == MOST_TOLD
    assert told == sorted(told)
    # The last front that is told may be told in part.
    good = np.arange(len(losses)) if limits is None else np.flatnonzero(losses[:, 1] <= 0.5)
    fronts = non_domination_rank(losses[good])
    sizes = np.cumsum(np.bincount(fronts))
    whole = int((sizes <= MOST_TOLD // 10).sum())
    assert whole > 0
    assert set(good[fronts < whole].tolist()) <= set(told)
    old = [place for place in told if place < len(losses) - MOST_TOLD]
    assert len(old) <= MOST_TOLD // 10
    assert set(range(len(losses) - MOST_TOLD + len(old), len(losses))) <= set(told)


def test_equal_losses_leave_the_earliest_as_the_best() -> None:
    told = most_informative(np.zeros((MOST_TOLD + 100, 2)), None).tolist()
    best = MOST_TOLD // 10
    assert told == [*range(best), *range(100 + best, MOST_TOLD + 100)]
