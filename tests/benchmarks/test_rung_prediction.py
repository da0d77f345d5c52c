"""What the benchmark of rungs computes from curves, on curves with known answers."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.rung_prediction import _compared, _difference, _left, _rank_correlation, _rung, _spearman

EPOCHS = 6
FINALS = np.array([[0.9, 0.1], [0.8, 0.4], [0.6, 0.5], [0.5, 0.3]])  # the last one is dominated


def runs_of(early: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """Four points with these accuracies at all epochs but the last; a branch tells the end exactly."""
    return [
        {
            "as_is": [*[before.tolist()] * (EPOCHS - 1), final.tolist()],
            "branch": {"2": final.tolist()},
            "decayed": {"2": before.tolist()},
            "continue": {"2": [*[before.tolist()] * (EPOCHS - 1), (final / 2).tolist()]},
        }
        for before, final in zip(early, FINALS, strict=True)
    ]


def test_the_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 20)).round(1), rng.random((2, 20)).round(1)  # with ties
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert _rank_correlation(first, second) == pytest.approx(expected)
    assert np.isnan(_rank_correlation(np.ones(4), np.arange(4.0)))


def test_each_way_compares_what_it_measures() -> None:
    early = FINALS[::-1]
    runs = runs_of(early)
    assert np.array_equal(_compared(runs, "as_is", 2).early, early)
    assert np.array_equal(_compared(runs, "branch", 2).early, FINALS)
    assert np.array_equal(_compared(runs, "restart", 2).final, FINALS), "a second start gives the values of a first"
    assert np.array_equal(_compared(runs, "continue", 2).final, FINALS / 2)


def test_a_rung_that_knows_the_end_keeps_the_front_and_one_that_is_reversed_does_not() -> None:
    known, reversed_ = (_compared(runs_of(early), "as_is", 2) for early in (FINALS, FINALS[::-1]))
    assert _spearman(known)["natural_accuracy"]["spearman"] == 1
    assert _spearman(reversed_)["natural_accuracy"]["spearman"] == -1
    assert _difference(known, known)["pgd_accuracy"] == {"difference": 0, "se": 0}
    # Areas of the steps from (0, 0): all three of the front, and the best one in the first objective.
    whole = 0.6 * 0.5 + 0.2 * 0.4 + 0.1 * 0.1
    assert _left(known, 3 / 4, whole) == {"front_kept": 1.0, "hypervolume_kept": 1.0}
    assert _left(known, 1 / 4, whole) == {"front_kept": round(1 / 3, 3), "hypervolume_kept": round(0.09 / whole, 4)}
    assert _left(reversed_, 1 / 4, whole)["front_kept"] == 0


def test_the_price_of_a_way_is_in_epochs_and_compared_with_a_later_rung() -> None:
    found = _rung(runs_of(FINALS), 2, EPOCHS, branch=1)
    half = {way: figures["by_share"]["0.50"] for way, figures in found.items()}
    assert half["as_is"]["mean_epochs"] == 2 + 4 / 2
    assert half["restart"]["mean_epochs"] == 2 + (4 + 2) / 2
    assert half["branch"]["mean_epochs"] == 2 + 1 + 4 / 2
    assert half["branch"]["as_is_at_equal_cost"]["rung"] == 4
    assert found["continue"]["hypervolume_of_all"] == 0.25, "both accuracies are halved"
