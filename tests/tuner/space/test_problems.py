"""Faults of a space that no single field shows: the rules of the trainer, names, points."""

import sys
from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from refused_spaces import refused
from simulated_search import small_space, space_mapping

from training.config import MEASUREMENT_KEYS
from training.registry import METRICS
from training.yaml_text import format_yaml
from tuner.errors import UsageError
from tuner.space import load_space, space_from_mapping


def test_what_several_gpus_cannot_train() -> None:
    refused(space_mapping(resources={"gpus_per_trial": 1.5}), "resources.gpus_per_trial")
    refused(space_mapping(trial={"batch_size": 126}, resources={"gpus_per_trial": 4}), "trial.batch_size")
    assert small_space(resources={"gpus_per_trial": 4}).resources.processes_per_trial == 4
    assert small_space(resources={"gpus_per_trial": 0.25}).resources.processes_per_trial == 1


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, 1), (1, 1), (1.9, 1), (2, 2), (4.5, 4)])
def test_a_process_of_a_trial_gets_a_thread_for_each_whole_cpu(cpus: float, threads: int) -> None:
    alone = small_space(resources={"cpus_per_trial": cpus})
    on_four_gpus = small_space(resources={"cpus_per_trial": 4 * cpus, "gpus_per_trial": 4})
    assert alone.resources.threads_per_process == on_four_gpus.resources.threads_per_process == threads


def test_a_range_is_held_against_the_trainers_rules() -> None:
    wide = {
        "alpha": {"type": "float", "low": -0.5, "high": 2.0},
        "bottleneck": {"type": "categorical", "choices": [8, -1]},
    }
    ends = ("parameters.alpha.low", "parameters.bottleneck.choices.1", "parameters.alpha.high")
    refused(space_mapping(parameters=wide), *ends)


def test_ranges_are_held_against_one_another() -> None:
    """Each of the two is possible with some value of the other, but not with all."""
    ramps = {
        "ramp_start": {"type": "float", "low": 0.0, "high": 0.5},
        "ramp_end": {"type": "float", "low": 0.4, "high": 1.0},
    }
    assert "ramp_end = 0.4" in refused(space_mapping(parameters=ramps), "parameters.ramp_start.high")
    ramps["ramp_end"]["low"] = 0.6
    space_from_mapping(space_mapping(parameters=ramps), "my.yaml")


def test_a_range_is_not_held_against_the_default_of_another_searched_key() -> None:
    """The trainer's default of 10 neighbours would not fit a batch of 8, but 10 is never used."""
    fitting = {
        "hsic_neighbours": {"type": "int", "low": 1, "high": 5},
        "batch_size": {"type": "int", "low": 8, "high": 64},
    }
    space_from_mapping(space_mapping(parameters=fitting), "my.yaml")


def test_a_fixed_setting_is_not_held_against_the_default_of_a_searched_key() -> None:
    neighbours = {"hsic_neighbours": {"type": "int", "low": 2, "high": 6}}
    space_from_mapping(space_mapping(trial={"batch_size": 8}, parameters=neighbours), "my.yaml")
    neighbours["hsic_neighbours"]["high"] = 8
    message = refused(space_mapping(trial={"batch_size": 8}, parameters=neighbours), "parameters.hsic_neighbours.high")
    assert "batch_size = 8" in message


def test_fixed_settings_are_held_against_one_another() -> None:
    message = refused(space_mapping(trial={"ramp_start": 0.8, "ramp_end": 0.2}), "trial.ramp_start")
    assert "ramp_end = 0.2" in message


def test_a_range_is_held_against_fixed_settings() -> None:
    searched = {"ramp_end": {"type": "float", "low": 0.1, "high": 1.0}}
    message = refused(space_mapping(trial={"ramp_start": 0.2}, parameters=searched), "trial.ramp_start")
    assert "ramp_end = 0.1" in message


def test_a_key_is_either_fixed_or_searched() -> None:
    refused(space_mapping(trial={"alpha": 0.5}), "trial.alpha")


@pytest.mark.parametrize("key", MEASUREMENT_KEYS)
def test_what_trials_are_measured_with_cannot_be_searched(key: str) -> None:
    mapping = space_mapping(parameters={key: {"type": "categorical", "choices": [1, 2]}})
    mapping["trial"].pop(key, None)
    refused(mapping, f"parameters.{key}")


def test_an_objective_and_a_constraint_are_metrics_that_trials_report() -> None:
    message = refused(space_mapping(objectives={"unheard": {}}), "objectives.unheard")
    assert all(metric in message for metric in METRICS)
    assert "gpu_memory?" in refused(space_mapping(objectives={"gpu_memry": {}}), "objectives.gpu_memry")
    constrained = {**space_mapping(), "constraints": {"second": {"at_most": 60}}}
    assert "seconds?" in refused(constrained, "constraints.second")


@pytest.mark.parametrize(
    ("constraints", "path"),
    [
        ({"seconds": {}}, "constraints.seconds"),
        ({"seconds": {"at_least": 3, "at_most": 2}}, "constraints.seconds"),
        ({"seconds": {"at_mots": 2}}, "constraints.seconds.at_mots"),
        ({"seconds": {"at_most": "soon"}}, "constraints.seconds.at_most"),
        ({"worst_class_pgd_accuracy": {"at_least": 20}}, "constraints.worst_class_pgd_accuracy.at_least"),
        ({"pgd_accuracy": {"at_least": 0.2}}, "constraints.pgd_accuracy"),
        ({"no_module:share": {"at_least": 0.2}}, "constraints.no_module:share"),
    ],
)
def test_faults_of_constraints(constraints: dict[str, Any], path: str) -> None:
    refused({**space_mapping(), "constraints": constraints}, path)


@pytest.mark.parametrize("name", ["seconds", "parameters", "gpu_memory"])
def test_a_minimised_objective_needs_a_reference_unless_it_is_a_share(name: str) -> None:
    """With the 0 of accuracies no front of a positive metric would have any hypervolume."""
    assert "reference" in refused(space_mapping(objectives={name: {}}), f"objectives.{name}")
    assert small_space(objectives={name: {"reference": 9.0}}).reference[name] == 9.0
    shares = small_space(objectives={"worst_class_pgd_accuracy": {"direction": "minimize"}})
    assert shares.reference["worst_class_pgd_accuracy"] == 1.0


def test_start_points_lie_inside_the_space() -> None:
    points = [
        {"alpha": 0.5},
        {"alpha": 1.5, "bottleneck": 9, "gamma": 1},
        {"lambda": "much"},
    ]
    wrong = ("1.alpha", "1.bottleneck", "1.gamma", "2.lambda")
    message = refused(space_mapping(search={"start_points": points}), *(f"search.start_points.{key}" for key in wrong))
    facts = ("0 to 1", "8, 16, 32", "alpha, lambda, bottleneck", "0.01 to 10")
    assert [fact in line for fact, line in zip(facts, message.splitlines(), strict=True)] == [True] * 4


def test_a_start_point_of_an_integer_is_an_integer() -> None:
    mapping = space_mapping(
        parameters={"bottleneck": {"type": "int", "low": 2, "high": 7}},
        search={"start_points": [{"bottleneck": 2.5}]},
    )
    assert "2 to 7" in refused(mapping, "search.start_points.0.bottleneck")


@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_quoted_number_is_no_number(kind: str) -> None:
    mapping = space_mapping(
        parameters={"bottleneck": {"type": kind, "low": 2, "high": 7}},
        search={"start_points": [{"bottleneck": "4"}]},
    )
    assert "'4'" in refused(mapping, "search.start_points.0.bottleneck")


@pytest.mark.parametrize("key", ["reference", "at_least"])
def test_bounds_of_accuracies_are_shares_like_the_accuracies(key: str) -> None:
    for value in (0, 0.9, 1):
        small_space(objectives={"pgd_accuracy": {key: value}})
    for value in (90, -0.1, 101):
        refused(space_mapping(objectives={"pgd_accuracy": {key: value}}), f"objectives.pgd_accuracy.{key}")


def test_rungs_of_a_trial_beside_early_stopping_are_refused() -> None:
    refused(space_mapping(trial={"rungs": [2], "eval_every": 2}), "trial.rungs")


def test_a_search_does_not_train_on_the_images_that_it_compares_trials_by() -> None:
    message = refused(space_mapping(trial={"train_on": "train_and_validation"}), "trial.train_on")
    assert "tuner confirm" in message
    small_space(trial={"train_on": "train"})


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a space beside a module that says when it runs."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "marking.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nimport no_such_package\n")
    return tmp_path / "space.yaml"


def test_code_that_cannot_be_imported_is_the_only_fault(code: Path) -> None:
    code.write_text(format_yaml({**space_mapping(trial={"objective": "of_mine"}), "imports": ["marking"]}))
    with raises_about(UsageError, ("imports",)) as caught:
        load_space(str(code))
    assert "no_such_package" in str(caught.value)
    assert (code.parent / "ran").exists()


@pytest.mark.parametrize(
    "mapping",
    [
        {**space_mapping(), "imports": ["marking"]},
        space_mapping(trial={"objective": "marking:Loss"}),
        space_mapping(parameters={"objective": {"type": "categorical", "choices": ["trades", "marking:Loss"]}}),
    ],
)
def test_without_imports_no_code_runs_and_the_form_is_checked(code: Path, mapping: dict[str, Any]) -> None:
    code.write_text(format_yaml(mapping))
    assert load_space(str(code), imports=False).outside_modules == ["marking"]
    code.write_text(format_yaml({**mapping, "objectives": {"pgd_accuracy": {"at_least": 20}}}))
    with raises_about(UsageError, ("objectives.pgd_accuracy.at_least",)):
        load_space(str(code), imports=False)
    assert not (code.parent / "ran").exists()


def test_imports_stand_at_the_top(code: Path) -> None:
    refused(space_mapping(trial={"imports": []}), "imports")
    code.write_text(format_yaml(space_mapping()))
    with raises_about(UsageError, ("imports",)):
        load_space(str(code), ["imports=[marking]"])


def test_epochs_are_chosen_once() -> None:
    every = {"candidates": "every_evaluation"}
    refused(space_mapping(search=every, trial={"select": "best"}), "search.candidates")
    refused(space_mapping(search=every, trial={"eval_early_attack_steps": 1}), "search.candidates")
    assert small_space(search=every).every_epoch
    assert not small_space().every_epoch


def test_repeats_are_of_points_whose_final_values_have_one_seed() -> None:
    reseed = {"reseed": "front"}
    refused(space_mapping(search={**reseed, "candidates": "every_evaluation"}), "search.reseed")
    refused(space_mapping(search=reseed, trial={"select": "best"}), "search.reseed")
    refused(space_mapping(search=reseed, parameters={"seed": {"type": "int", "low": 0, "high": 9}}), "search.reseed")
    points = [{"alpha": 0.5, "lambda": 1.0, "bottleneck": 8}]
    refused(space_mapping(search={**reseed, "sampler": "grid", "points": points, "trials": 1}), "search.reseed")
    refused(space_mapping(search={**reseed, "sampler": "random"}), "search.reseed")
    assert small_space(search=reseed).reseeds
    assert not small_space().reseeds


def test_a_search_ends_its_trials_by_their_epochs() -> None:
    refused(space_mapping(trial={"stop_after": 4}), "trial.stop_after")
    refused(space_mapping(parameters={"stop_after": {"type": "int", "low": 1, "high": 4}}), "parameters.stop_after")
    assert small_space(trial={"stop_after": 0}).epochs == 9, "the default may be written"
