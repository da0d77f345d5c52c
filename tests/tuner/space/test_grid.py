"""Grids: their points and seeds, the paper's spaces, and presets as a setting or as a parameter."""

from pathlib import Path
from typing import Any

import pytest
from refused_spaces import refused
from simulated_search import space_mapping

from training.config import parse_trial
from training.data import load_trial_data
from training.trainer import Trainer
from tuner.space import Space, load_space, space_from_mapping
from tuner.space.fractions import number_or_text

PAPER = sorted((Path(__file__).parents[3] / "search_spaces" / "paper").glob("*.yaml"))
CHOICES = {
    "alpha": {"type": "categorical", "choices": [0.0, 0.5]},
    "lambda": {"type": "categorical", "choices": [1.0, 4.0]},
    "bottleneck": {"type": "int", "low": 7, "high": 9},
}
# Every network and every image is exchanged for the smallest one; all else is the paper's.
SMALL = {
    "dataset": "digits",
    "architecture": "digits_cnn",
    "augmentation": "none",
    "bottleneck": 8,
    "batch_size": 32,
    "epochs": 1,
    "train_fraction": 0.05,
    "attack_steps": 1,
    "eval_attack_steps": 1,
    "eval_images": 10,
}


def grid_mapping(parameters: dict[str, Any] | None = None, **search: Any) -> dict[str, Any]:
    mapping = space_mapping(search={"sampler": "grid", **search})
    if "trials" not in search:
        del mapping["search"]["trials"]
    mapping["parameters"] = CHOICES if parameters is None else parameters
    mapping["early_stopping"] = {"scheduler": "none"}
    return mapping


def grid_space(parameters: dict[str, Any] | None = None, **search: Any) -> Space:
    return space_from_mapping(grid_mapping(parameters, **search), "grid.yaml")


def test_a_grid_is_every_combination_the_last_parameter_fastest() -> None:
    space = grid_space()
    points = [{"alpha": a, "lambda": w, "bottleneck": b} for a in (0.0, 0.5) for w in (1.0, 4.0) for b in (7, 8, 9)]
    assert space.grid() == points
    assert space.search.trials == 12
    assert list(space.distributions()) == list(CHOICES)


def test_seeds_run_one_whole_grid_after_the_other() -> None:
    space = grid_space(seeds=2)
    once = grid_space().grid()
    assert space.grid() == [{**point, "seed": seed} for seed in (3, 4) for point in once]
    assert space.search.trials == 24
    assert [space.trial_config(point).seed for point in space.grid()] == [3] * 12 + [4] * 12
    assert all(space.distributions()["seed"]._contains(index) for index in (0, 1))


def test_points_take_the_place_of_the_combinations() -> None:
    points = [{"alpha": 0.5, "lambda": 4.0, "bottleneck": 9}, {"alpha": 0.0, "lambda": 1.0, "bottleneck": 7}]
    assert grid_space(points=points).grid() == points


def test_a_smaller_number_of_trials_is_the_beginning_of_the_grid() -> None:
    assert grid_space(trials=5).search.trials == 5


@pytest.mark.parametrize(
    ("search", "path", "fact"),
    [
        ({"trials": 13}, "search.trials", "12 points"),
        ({"start_points": [{"alpha": 0.5}]}, "search.start_points", ""),
        ({"points": [{"alpha": 0.5}]}, "search.points.0", "lambda, bottleneck"),
        ({"points": [{"alpha": 0.7, "lambda": 1.0, "bottleneck": 7}]}, "search.points.0.alpha", "0.7"),
        ({"points": 2 * [{"alpha": 0.5, "lambda": 1.0, "bottleneck": 7}]}, "search.points.1", "point 0"),
    ],
)
def test_what_a_grid_cannot_be(search: dict[str, Any], path: str, fact: str) -> None:
    assert fact in refused(grid_mapping(**search), path)


def test_a_grid_that_no_memory_holds_is_refused_unlisted() -> None:
    assert grid_space(seeds=2).grid_size() == 24
    long = {**CHOICES, "bottleneck": {"type": "int", "low": 1, "high": 10**24}}
    assert f"{4 * 10**24:,}" in refused(grid_mapping(long), "search.sampler")
    refused(grid_mapping(seeds=10**9), "search.sampler")


def test_a_range_of_real_numbers_is_no_grid() -> None:
    continuous = {**CHOICES, "alpha": {"type": "float", "low": 0.0, "high": 1.0}}
    refused(grid_mapping(continuous), "parameters.alpha")
    points = [{"alpha": 0.123, "lambda": 1.0, "bottleneck": 7}]
    assert grid_space(continuous, points=points).grid() == points


def test_the_seed_is_either_the_grids_or_the_files() -> None:
    searched = {**CHOICES, "seed": {"type": "int", "low": 0, "high": 2}}
    refused(grid_mapping(searched, seeds=2), "search.seeds")


@pytest.mark.parametrize("key", ["points", "seeds"])
def test_other_samplers_have_no_grid(key: str) -> None:
    value = [{"alpha": 0.5, "lambda": 1.0, "bottleneck": 8}] if key == "points" else 3
    assert "motpe" in refused(space_mapping(search={key: value}), f"search.{key}")


def test_a_point_that_the_trainer_refuses_is_named() -> None:
    parameters = {"bottleneck": {"type": "categorical", "choices": [0, 8]}}
    refused(grid_mapping(parameters), "trial.regularise")
    points = [{"bottleneck": 8}]
    assert grid_space(parameters, points=points).grid() == points, "what is not run is not refused"


def test_a_preset_below_trial_is_written_out() -> None:
    mapping = space_mapping()
    mapping["trial"] = {"preset": "mnist_mart", "epochs": 7, "data_root": "/data"}
    mapping["parameters"] = {"lambda": {"type": "float", "low": 1, "high": 9}}
    space = space_from_mapping(mapping, "mine.yaml")
    assert "preset" not in space.trial
    assert "lambda" not in space.trial
    assert (space.example.objective, space.epochs, space.example.knobs["lam"]) == ("mart", 7, 1.0)
    mapping["trial"]["preset"] = "mnist_martha"
    assert "mnist_mart?" in refused(mapping, "trial.preset")


def test_presets_with_other_yardsticks_do_not_compare() -> None:
    presets = {"preset": {"type": "categorical", "choices": ["mnist_trades", "mnist_mart"]}}
    mapping = grid_mapping(presets)
    mapping["trial"] = {}
    message = refused(mapping, "trial.epochs")
    assert all(fact in message for fact in ("mnist_trades", "100", "mnist_mart", "50"))
    mapping["trial"] = {"epochs": 50}
    space = space_from_mapping(mapping, "mine.yaml")
    assert [space.trial_config(point).objective for point in space.grid()] == ["trades", "mart"]


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_every_point_of_the_papers_sweeps_trains(path: Path) -> None:
    space = load_space(str(path))
    points = space.grid()
    assert len(points) == 3 * len(points[: len(points) // 3])
    for point in points[: len(points) // 3]:
        config = space.trial_config(point).to_mapping()
        told = {name: number_or_text(value) for name, value in point.items() if name not in {"preset", "terms"}}
        assert {name: config[name] for name in told} == told
        small = {**config, **SMALL, **{key: value for key, value in point.items() if key in {"terms", "beta"}}}
        small["bottleneck"] = 8 if config["bottleneck"] else 0
        trial = parse_trial(small)
        metrics = Trainer(trial, load_trial_data(trial), "cpu").train_epoch()
        assert 0 <= metrics["pgd_accuracy"] <= metrics["natural_accuracy"] <= 1
