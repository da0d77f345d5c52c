"""The simulation of the benchmark search_quality, and its figures, on cases with known answers."""

import json
import math
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pytest

from benchmarks.search_quality import run
from benchmarks.search_quality.measure import best_volume, epochs_to, full, mean_and_error, volumes_at
from benchmarks.search_quality.methods import DEFAULT, FORECASTING, FULL_MOTPE, METHODS, OF_OTHER_PACKAGES, YARDSTICK
from benchmarks.search_quality.recorded_tasks import recorded_task
from benchmarks.search_quality.recordings import Recording, recorded
from benchmarks.search_quality.report import against, ranks
from benchmarks.search_quality.run import Settings
from benchmarks.search_quality.scale import Scale, scale_of
from benchmarks.search_quality.searchers import OwnSearch, space_of, syne_tune_space
from benchmarks.search_quality.simulate import Training, simulate
from benchmarks.search_quality.tasks import Task, analytic_tasks, random_points, trade_off
from benchmarks.search_quality.verdicts import verdicts
from tuner.space.sections import EarlyStoppingSpec

UNIT = Scale(np.zeros(2), np.ones(2))
TRAININGS = [
    Training(10, (0.5, 0.6), full=True),
    Training(25, (0.7, 0.7), full=True),
    Training(30, (0.2, 0.9), full=True),
]
FAST = [method for method in METHODS if method not in ("Ax, full trainings", "SMAC3", "NePS PriMO")]


def found_by(method: str, workers: int, trainings: int) -> list[Training]:
    if method == "Syne Tune MOASHA":
        pytest.importorskip("syne_tune", reason="needs pip install -e '.[competitors]'")
    task = trade_off()
    return simulate(task, METHODS[method](task, scale_of(task), 3), workers, trainings * task.epochs)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("method", FAST)
def test_a_simulation_spends_its_epochs_and_the_same_seed_gives_the_same_search(method: str, workers: int) -> None:
    found = found_by(method, workers, 6)
    spent = [training.spent for training in found]
    assert spent == sorted(spent)
    budget = 6 * trade_off().epochs
    assert max(spent) < budget + workers * trade_off().epochs, "what runs at the end may end"
    if "full trainings" in method and workers == 1:
        assert spent == [trade_off().epochs * count for count in range(1, 7)]
        assert len(full(found)) == len(found)
    assert found == found_by(method, workers, 6)


@pytest.mark.parametrize("method", [method for method in FAST if "full" not in method])
def test_early_stopping_starts_more_trials_than_full_trainings_would(method: str) -> None:
    found = found_by(method, 4, 10)
    assert len(found) > found[-1].spent / trade_off().epochs > len(full(found)) > 0


def test_the_first_trial_of_a_search_is_never_stopped() -> None:
    """With one worker it reaches the end after its own epochs, whatever the method."""
    assert found_by("random + MO-ASHA", 1, 2)[0].spent == trade_off().epochs


def test_syne_tune_searches_the_same_ranges() -> None:
    """Its integers include both ends, as a space file's do."""
    pytest.importorskip("syne_tune", reason="needs pip install -e '.[competitors]'")
    space = syne_tune_space({"n": {"type": "int", "low": 1, "high": 2}, **trade_off().parameters})
    drawn = [{name: domain.sample() for name, domain in space.items()} for _ in range(200)]
    assert {point["n"] for point in drawn} == {1, 2}
    assert {point["bottleneck"] for point in drawn} <= {8, 16, 32, 64, 128}
    assert all(0.1 <= point["lambda"] <= 30 for point in drawn)
    assert 0.8 < np.median([point["lambda"] for point in drawn]) < 4, "logarithmic: the middle is sqrt(3)"


@pytest.mark.parametrize("recording", recorded(), ids=lambda each: each.name)
def test_the_recorded_curves_are_met_at_their_points_and_interpolated_between(recording: Recording) -> None:
    task, record = recorded_task(recording), json.loads(recording.file.read_text(encoding="utf-8"))
    grid = record["grid"]
    curves = np.array(record["curves"]).reshape(*map(len, grid.values()), task.epochs, 2)
    point = {name: values[0] for name, values in grid.items()}
    first, second, *_ = grid["lambda"]
    place = tuple(slice(0, 2) if name == "lambda" else 0 for name in grid)
    ends = [task.curve({**point, "lambda": value}) for value in (first, second)]
    assert np.allclose(ends, 1 - curves[place])
    assert np.allclose(task.curve({**point, "lambda": math.sqrt(first * second)}), np.mean(ends, axis=0))


def test_curves_are_functions_of_the_point_and_cover_all_epochs() -> None:
    for task in [*analytic_tasks(), *map(recorded_task, recorded())]:
        for point in random_points(task, 5, seed=0):
            curve = task.curve(point)
            assert curve.shape == (task.epochs, 2)
            assert np.isfinite(curve).all()
            assert np.array_equal(curve, task.curve(dict(reversed(point.items()))))
        stopping = EarlyStoppingSpec(grace_epochs=task.grace_epochs, reduction_factor=task.reduction_factor)
        assert stopping.milestones(task.epochs)


@pytest.mark.parametrize("recording", recorded(), ids=lambda each: each.name)
def test_recorded_tasks_have_the_rungs_of_their_space(recording: Recording) -> None:
    task, space = recorded_task(recording), recording.loaded_space()
    assert space_of(task, {}, {}).rung_epochs == space.rung_epochs


def test_the_target_is_that_of_whole_trainings_however_many_workers_there_are() -> None:
    """With 4 workers one of 5 trainings is cut when the epochs of 5 are spent, and ends then."""
    task, scale = trade_off(), scale_of(trade_off())
    found = found_by(YARDSTICK, 4, 5)
    settings = Settings((YARDSTICK,), 1, 5, 4, None, ())
    figures = run.figures(task, {YARDSTICK: [found]}, settings, curve_points=2)
    measured = figures["methods"][YARDSTICK]
    assert figures["best_volume"] == best_volume(found, scale)
    assert len(found) > 5 > len([training for training in found if training.spent <= 5 * task.epochs])
    assert measured["budget_share_to_random"] is None, "the fifth ends after the epochs of five"
    assert measured["share_when_all_ended"][0] == 1.0
    assert measured["spent"] == found[-1].spent / task.epochs > 5
    volume = volumes_at(found, scale, [found[4].spent])[0]
    assert epochs_to(found, scale, volume) <= found[4].spent


def test_the_hypervolume_at_an_epoch_is_that_of_what_has_ended_by_then() -> None:
    losses = np.array([training.losses for training in TRAININGS])
    volumes = volumes_at(TRAININGS, UNIT, [9, 10, 29, 30])
    known = [float(moocore.hypervolume(losses[:count], ref=[1.1, 1.1])) for count in (1, 2, 3)]
    assert volumes == pytest.approx([0.0, *known])
    assert volumes_at([], UNIT, [1]) == [0.0]


def test_the_epochs_to_a_target_are_those_of_the_trial_that_reached_it() -> None:
    first, last = volumes_at(TRAININGS, UNIT, [10, 30])
    assert epochs_to(TRAININGS, UNIT, first) == 10
    assert epochs_to(TRAININGS, UNIT, last) == 30
    assert epochs_to(TRAININGS, UNIT, last + 0.01) == math.inf


def test_mean_and_standard_error_in_closed_form() -> None:
    assert mean_and_error([1.0, 3.0]) == (2.0, 1.0)
    assert mean_and_error([2.0]) == (2.0, 0.0)


def result_of(**finals: list[float]) -> dict[str, dict[str, dict[str, dict[str, list[object]]]]]:
    """Return one task with the final shares of each method by seed."""
    methods: dict[str, dict[str, list[object]]] = {
        method: {
            "share_of_best": [mean_and_error(values)],
            "share_when_all_ended": list(mean_and_error(values[::-1][:1])),
            "shares_by_seed": list(values),
        }
        for method, values in finals.items()
    }
    return {"task": {"methods": methods}}


def test_ranks_begin_at_one_and_share_places() -> None:
    tasks = result_of(a=[0.5, 0.5], b=[0.9, 0.9], c=[0.5, 0.5])
    assert ranks(tasks, ["a", "b", "c"], 0) == {"a": 2.5, "b": 1.0, "c": 2.5}
    ended = result_of(a=[0.5, 0.9], b=[0.9, 0.1])
    assert ranks(ended, ["a", "b"], None) == {"a": 1.0, "b": 2.0}


def ending(share: float) -> dict[str, Any]:
    """Return a method's figures that stay the same from the first checkpoint on."""
    return {"share_of_best": [(share, 0.0)] * 3, "share_when_all_ended": (share, 0.0)}


def test_methods_are_compared_seed_by_seed() -> None:
    assert against(result_of(a=[0.5, 0.9], b=[0.4, 0.6]), "a", "b")["task"] == pytest.approx((0.2, 0.1))


def a_result(own: list[float], other: list[float], shares: list[float | None]) -> dict[str, Any]:
    """Return a result of two methods: their shares at the end, and the default's epochs to random's hypervolume."""
    tasks = {
        f"task{k}": {
            "methods": {
                DEFAULT: {**ending(own[k]), "budget_share_to_random": shares[k]},
                FULL_MOTPE: ending(other[k]),
            }
        }
        for k in range(len(own))
    }
    head = {"default": DEFAULT, "methods": [DEFAULT, FULL_MOTPE], "budget": 40, "checkpoints": [10, 20, 40]}
    return {**head, "workers": 4, "seeds": 20, "tasks": tasks}


def test_verdicts_say_what_was_met_and_what_was_missed() -> None:
    good = verdicts(a_result([0.9, 0.8, 0.899], [0.5, 0.6, 0.9], [0.2, 0.24, None]))
    assert "MISSED" not in good
    assert " 0.24 " in good
    bad = verdicts(a_result([0.5, 0.6, 0.8], [0.9, 0.5, 0.9], [None, None, 0.1]))
    assert bad.count("MISSED") == 5
    assert f"task0 (-44.4 %, {FULL_MOTPE}), task2 (-11.1 %, {FULL_MOTPE})" in bad
    assert " inf " in bad


def test_the_goal_follows_from_the_number_of_workers() -> None:
    result = a_result([0.9], [0.5], [0.3])
    assert "MISSED" in verdicts(result)
    assert "MISSED" not in verdicts({**result, "workers": 16})
    assert "MISSED" not in verdicts({**result, "workers": 64}), "without a goal there is only the figure"


def test_every_file_that_a_kept_search_depends_on_is_in_its_digest() -> None:
    root = Path(run.__file__).parents[2]
    patterns = (*run.DEPENDS_ON, run._FORECAST, *run._OF_OTHER_PACKAGES)
    assert [pattern for pattern in patterns if not any(root.glob(pattern))] == []


def test_the_methods_that_use_the_forecast_are_known_as_such() -> None:
    assert set(METHODS) >= FORECASTING | OF_OTHER_PACKAGES
    task, used = trade_off(), set[str]()
    for name in METHODS.keys() - OF_OTHER_PACKAGES - {"Syne Tune MOASHA"}:
        searcher = METHODS[name](task, scale_of(task), 0)
        if isinstance(searcher, OwnSearch):
            space = searcher.search.space
            used |= {name} if "forecast" in {space.search.sampler, space.early_stopping.scheduler} else set()
    assert used == FORECASTING


def test_a_task_is_its_own_description() -> None:
    assert len({task.name for task in analytic_tasks()}) == len(analytic_tasks())
    assert isinstance(trade_off(), Task)


def test_a_kept_search_is_not_simulated_again(tmp_path: Path) -> None:
    settings = Settings((YARDSTICK,), 1, 8, 4, None, (), tmp_path / "kept")
    pair = (settings, "trade_off", YARDSTICK, 0)
    first = run._run(pair)
    assert first
    assert run._run(pair) == first
    (kept,) = tmp_path.glob("kept/*/*.json")
    kept.write_text("[]")
    assert run._run(pair) == []
