"""What the benchmark of rungs computes from curves, on curves with known answers."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.rung_prediction import kept_at, kept_of_front, rank_correlation, spearman

FINALS = np.array([[0.9, 0.1], [0.8, 0.4], [0.6, 0.5], [0.5, 0.3]])  # the last one is dominated
RECORD = Path(__file__).parents[2] / "benchmarks" / "tried" / "results" / "rung_prediction_digits_tradeoff.json"


def test_the_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 20)).round(1), rng.random((2, 20)).round(1)  # with ties
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert rank_correlation(first, second) == pytest.approx(expected)
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4.0)))


def test_a_rung_that_knows_the_end_keeps_the_front_and_one_that_is_reversed_does_not() -> None:
    assert spearman(FINALS, FINALS)["natural_accuracy"]["spearman"] == 1
    assert spearman(FINALS[::-1], FINALS)["natural_accuracy"]["spearman"] == -1
    # Areas of the steps from (0, 0): all three of the front, and the best one in the first objective.
    whole = 0.6 * 0.5 + 0.2 * 0.4 + 0.1 * 0.1
    assert kept_of_front(FINALS, FINALS, 3 / 4) == {"front_kept": 1.0, "hypervolume_kept": 1.0}
    best = {"front_kept": round(1 / 3, 3), "hypervolume_kept": round(0.09 / whole, 4)}
    assert kept_of_front(FINALS, FINALS, 1 / 4) == best
    assert kept_of_front(FINALS[::-1], FINALS, 1 / 4)["front_kept"] == 0


def test_a_point_costs_the_epochs_to_the_rung_and_a_share_of_the_rest() -> None:
    curves = np.repeat(FINALS[:, None, :], 6, axis=1)
    found = kept_at(curves, 2)
    assert {share: kept["mean_epochs"] for share, kept in found.items()} == {"0.20": 2.8, "0.33": 3.33, "0.50": 4.0}
    assert found["0.50"]["front_kept"] == round(2 / 3, 3)


def test_the_figures_of_the_recorded_digits_curves_stay_the_same() -> None:
    """The page of the benchmark quotes them; they were computed by its earlier version."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    curves = np.array([run["as_is"] for run in record["values"]])
    assert spearman(curves[:, 4], curves[:, -1]) == record["as_is_by_epoch"]["5"]
    assert spearman(curves[:, 12], curves[:, -1]) == record["as_is_by_epoch"]["13"]
    kept = record["rungs"]["5"]["as_is"]["by_share"]["0.33"]
    assert kept_at(curves, 5)["0.33"] == {key: kept[key] for key in ("mean_epochs", "front_kept", "hypervolume_kept")}
