"""The search for the best point of a space."""

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.candidates import best_points, candidates, narrowed
from tuner.search.forecast.unit_cube import UnitCube

SPACE: dict[str, BaseDistribution] = {f"x{place}": FloatDistribution(0, 1) for place in range(5)}
SPACE["kind"] = CategoricalDistribution(["a", "b", "c"])
CUBE = UnitCube(SPACE)
BEST = CUBE.row({"x0": 0.2, "x1": 0.9, "x2": 0.5, "x3": 0.05, "x4": 0.6, "kind": "b"})


def worth(rows: FloatArray) -> FloatArray:
    return -np.asarray(((rows - BEST) ** 2).sum(axis=1))


def test_it_comes_near_the_best_point() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        start = candidates(CUBE, np.full((1, CUBE.width), 0.5), rng, 400)
        (best, *_) = best_points(CUBE, start, worth, rng)
        assert worth(best[None])[0] > 0.7 * worth(start).max()
        assert np.sqrt(-worth(best[None])[0]) < 0.3
        assert CUBE.point(best)["kind"] == "b"


def test_all_candidates_are_points_with_the_fixed_values() -> None:
    rng = np.random.default_rng(0)
    rows = candidates(CUBE, BEST[None], rng, 100, {"kind": "c", "x1": 0.25})
    assert len(rows) == 100
    found = best_points(CUBE, rows, worth, rng, {"kind": "c", "x1": 0.25})
    for row in [*rows, *found]:
        point = CUBE.point(row)
        assert (point["kind"], point["x1"]) == ("c", 0.25)
        assert (CUBE.row(point) == row).all()


def test_each_stage_judges_what_the_one_before_has_kept() -> None:
    rows = np.random.default_rng(0).random((50, CUBE.width))
    seen: list[int] = []

    def counted(given: FloatArray) -> FloatArray:
        seen.append(len(given))
        return worth(given)

    kept = narrowed(rows, (lambda given: -worth(given), 20), (counted, 3))
    assert seen == [20]
    worst = rows[np.argsort(worth(rows))[:20]]
    assert (worth(kept) == np.sort(worth(worst))[::-1][:3]).all()


def test_a_choice_without_an_order_is_drawn_anew_as_often_as_a_number() -> None:
    rows = candidates(CUBE, BEST[None], np.random.default_rng(0), 4000)[2000:]
    points = [CUBE.point(row) for row in rows]
    other = sum(point["kind"] != "b" for point in points) / len(points)
    assert 0.6 * 0.5 / 6 * 2 / 3 < other < 1.4 * 0.5 / 6 * 2 / 3, "one of six parameters in every second row"
