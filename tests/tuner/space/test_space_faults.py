"""Every fault of a space is reported at once, with its path in the file and the rule that it breaks."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from simulated_search import small_space, space_mapping

from training.config import MEASUREMENT_KEYS
from tuner.errors import UsageError
from tuner.space import Space, space_from_mapping

NOT_TEXT = "not text (YAML takes 1e-3 for text: write 1.0e-3)"


def faults(mapping: dict[str, Any]) -> list[str]:
    with pytest.raises(UsageError) as caught:
        space_from_mapping(mapping, "my.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("my.yaml: ") for line in lines)
    return [line.removeprefix("my.yaml: ") for line in lines]


def test_what_several_gpus_cannot_train() -> None:
    (found,) = faults(space_mapping(resources={"gpus_per_trial": 1.5}))
    assert found.startswith(
        "resources.gpus_per_trial: the value is 1.5, but must be a whole number above 1, for a trial"
    )
    (found,) = faults(space_mapping(trial={"batch_size": 126}, resources={"gpus_per_trial": 4}))
    assert found.startswith("trial.batch_size: the value is 126, but must be a multiple of 4, the GPUs of a trial")
    assert small_space(resources={"gpus_per_trial": 4}).resources.processes_per_trial == 4
    assert small_space(resources={"gpus_per_trial": 0.25}).resources.processes_per_trial == 1


def test_all_faults_are_listed_at_once() -> None:
    mapping = space_mapping(
        trial={"epsilon": 2, "epohcs": 3},
        parameters={"alpha": {"type": "float", "low": 1, "high": 0}},
        search={"trials": 0, "sampler": "gird"},
    )
    mapping["frequency"] = 1
    assert sorted(faults(mapping)) == [
        f"frequency: unknown key; the known ones are {', '.join(Space.model_fields)}",
        "parameters.alpha: low is 1 and high is 0, but low must be below high",
        "search.sampler: the value is 'gird': input should be 'motpe', 'nsga2', 'gp', 'random' or 'grid'",
        "search.trials: the value is 0: input should be greater than or equal to 1",
        "trial.epohcs: unknown key; did you mean epochs?",
        "trial.epsilon: the value is 2, but must be a number in [0, 1]",
    ]


@pytest.mark.parametrize("kind", ["float", "int"])
@given(low=st.integers(-5, 5), gap=st.integers(0, 5))
def test_low_must_be_below_high(kind: str, low: int, gap: int) -> None:
    ranged = {"type": kind, "low": low, "high": low - gap}
    assert faults(space_mapping(parameters={"bottleneck": ranged})) == [
        f"parameters.bottleneck: low is {low} and high is {low - gap}, but low must be below high"
    ]


@pytest.mark.parametrize("low", [0, -1])
def test_a_logarithmic_range_lies_above_zero(low: int) -> None:
    ranged = {"type": "float", "low": low, "high": 1, "log": True}
    assert faults(space_mapping(parameters={"alpha": ranged})) == [
        f"parameters.alpha: low is {low}, but must be above 0 on a logarithmic scale (log: true)"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"search": {"trails": 8}}, "search.trails: unknown key; did you mean trials?"),
        (
            {"early_stopping": {"grace_epoch": 8}},
            "early_stopping.grace_epoch: unknown key; did you mean grace_epochs",
        ),
        ({"resources": {"gpu_per_trial": 1}}, "resources.gpu_per_trial: unknown key; did you mean"),
        (
            {"objectives": {"pgd_accuracy": {"directoin": "maximize"}}},
            "objectives.pgd_accuracy.directoin: unknown key; did you mean direction?",
        ),
        (
            {"parameters": {"alpha": {"type": "float", "low": 0, "high": 1, "hgih": 1}}},
            "parameters.alpha.hgih: unknown key; did you mean high?",
        ),
        (
            {"parameters": {"bottleneck": {"type": "categorical", "choices": [8, 16], "low": 1}}},
            "parameters.bottleneck.low: unknown key; the known ones are type, choices",
        ),
        (
            {"parameters": {"alfa": {"type": "float", "low": 0, "high": 1}}},
            "parameters.alfa: unknown key; did you mean alpha?",
        ),
        ({"trial": {"attack_step": 3}}, "trial.attack_step: unknown key; did you mean attack_steps"),
    ],
)
def test_unknown_keys_are_answered_with_near_ones(changes: dict[str, Any], expected: str) -> None:
    (fault,) = faults(space_mapping(**changes))
    assert fault.startswith(expected)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"low": 0, "high": 1}, "parameters.alpha: its `type` must be one of float, int, categorical"),
        ({"type": "real", "low": 0}, "parameters.alpha: its `type` must be one of float, int, categorical"),
        ({"type": "float", "low": 0}, "parameters.alpha.high: missing, but required"),
        (
            {"type": "float", "low": "8/255", "high": 1},
            "parameters.alpha.low: the value is '8/255': input should be a valid number",
        ),
        (
            {"type": "float", "low": 0, "high": float("inf")},
            "parameters.alpha.high: the value is inf: input should be a finite number",
        ),
        ({"type": "categorical", "choices": [0.5]}, "parameters.alpha.choices: the value is [0.5]: value should have"),
        (
            {"type": "categorical", "choices": 3},
            "parameters.alpha.choices: the value is 3: input should be a valid list",
        ),
        (
            {"type": "categorical", "choices": [0.5, 0.5]},
            "parameters.alpha: choices are [0.5, 0.5], but must be distinct",
        ),
        (
            {"type": "categorical", "choices": [0.5, "1e-3"]},
            "parameters.alpha.choices: choices are [0.5, '1e-3'], but must be all numbers or all names",
        ),
        (
            {"type": "categorical", "choices": [True, False]},
            "parameters.alpha.choices: choices are [True, False], but must be all numbers or all names",
        ),
    ],
)
def test_a_parameter_says_what_is_wrong_with_it_once(parameter: dict[str, Any], expected: str) -> None:
    (fault,) = faults(space_mapping(parameters={"alpha": parameter}))
    assert fault.startswith(expected)


def test_an_empty_file_lacks_what_is_required() -> None:
    assert faults({}) == [f"{key}: missing, but required" for key in ("name", "trial", "parameters", "objectives")]


@pytest.mark.parametrize("section", ["trial", "parameters"])
def test_keys_that_are_no_text_are_named(section: str) -> None:
    """YAML reads `1:` as a number."""
    mapping = space_mapping()
    mapping[section][1] = {"type": "float", "low": 0, "high": 1}
    assert faults(mapping) == [f"{section}.1: the value is 1: input should be a valid string"]


def test_a_range_is_held_against_the_trainers_rules() -> None:
    wide = {
        "alpha": {"type": "float", "low": -0.5, "high": 2.0},
        "bottleneck": {"type": "categorical", "choices": [8, -1]},
    }
    assert faults(space_mapping(parameters=wide)) == [
        "parameters.alpha.low: the value is -0.5, but must be a number in [0, 1]",
        "parameters.bottleneck.choices.1: the value is -1, but must be an integer >= 0",
        "parameters.alpha.high: the value is 2.0, but must be a number in [0, 1]",
    ]


def test_ranges_are_held_against_one_another() -> None:
    """Each of the two is possible with some value of the other, but not with all."""
    ramps = {
        "ramp_start": {"type": "float", "low": 0.0, "high": 0.5},
        "ramp_end": {"type": "float", "low": 0.4, "high": 1.0},
    }
    assert faults(space_mapping(parameters=ramps)) == [
        "parameters.ramp_start.high: the value is 0.5, but must be below ramp_end = 0.4"
    ]
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
    (fault,) = faults(space_mapping(trial={"batch_size": 8}, parameters=neighbours))
    assert fault.startswith("parameters.hsic_neighbours.high: the value is 8, but must be below batch_size = 8")


def test_fixed_settings_are_held_against_one_another() -> None:
    assert faults(space_mapping(trial={"ramp_start": 0.8, "ramp_end": 0.2})) == [
        "trial.ramp_start: the value is 0.8, but must be below ramp_end = 0.2"
    ]


def test_a_range_is_held_against_fixed_settings() -> None:
    searched = {"ramp_end": {"type": "float", "low": 0.1, "high": 1.0}}
    assert faults(space_mapping(trial={"ramp_start": 0.2}, parameters=searched)) == [
        "trial.ramp_start: the value is 0.2, but must be below ramp_end = 0.1"
    ]


def test_a_key_is_either_fixed_or_searched() -> None:
    assert faults(space_mapping(trial={"alpha": 0.5})) == [
        "trial.alpha: fixed and searched at once; keep it either here or under parameters"
    ]


@pytest.mark.parametrize("key", MEASUREMENT_KEYS)
def test_what_trials_are_measured_with_cannot_be_searched(key: str) -> None:
    mapping = space_mapping(parameters={key: {"type": "categorical", "choices": [1, 2]}})
    mapping["trial"].pop(key, None)
    assert f"parameters.{key}: changes what is measured and makes trials incomparable; put it under trial" in faults(
        mapping
    )


def test_an_objective_is_a_metric_that_trials_report() -> None:
    assert faults(space_mapping(objectives={"accuracy": {}})) == [
        "objectives.accuracy: no trial reports this metric; the known ones are natural_accuracy, pgd_accuracy"
    ]


def test_start_points_lie_inside_the_space() -> None:
    points = [
        {"alpha": 0.5},
        {"alpha": 1.5, "bottleneck": 9, "gamma": 1},
        {"lambda": "much"},
    ]
    assert faults(space_mapping(search={"start_points": points})) == [
        "search.start_points.1.alpha: the value is 1.5, but must be a number from 0 to 1",
        "search.start_points.1.bottleneck: the value is 9, but must be one of 8, 16, 32",
        "search.start_points.1.gamma: not a searched parameter; those are alpha, lambda, bottleneck",
        f"search.start_points.2.lambda: the value is 'much', but must be a number from 0.01 to 10, {NOT_TEXT}",
    ]


def test_a_start_point_of_an_integer_is_an_integer() -> None:
    mapping = space_mapping(
        parameters={"bottleneck": {"type": "int", "low": 2, "high": 7}},
        search={"start_points": [{"bottleneck": 2.5}]},
    )
    assert faults(mapping) == ["search.start_points.0.bottleneck: the value is 2.5, but must be an integer from 2 to 7"]


@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_quoted_number_is_no_number(kind: str) -> None:
    mapping = space_mapping(
        parameters={"bottleneck": {"type": kind, "low": 2, "high": 7}},
        search={"start_points": [{"bottleneck": "4"}]},
    )
    (fault,) = [fault for fault in faults(mapping) if "start_points" in fault]
    assert fault.startswith("search.start_points.0.bottleneck: the value is '4', but must be a")


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "-flag"])
def test_a_name_can_be_a_folder(name: str) -> None:
    mapping = space_mapping()
    mapping["name"] = name
    (fault,) = faults(mapping)
    assert fault.startswith(f"name: the value is {name!r}: string should match pattern")


def test_a_space_cannot_be_changed_once_built() -> None:
    with pytest.raises(ValueError, match="frozen"):
        small_space().search.trials = 3  # type: ignore[misc]


def test_all_trials_share_the_seed_of_the_search_unless_the_file_gives_one() -> None:
    assert small_space().trial_config({}).seed == 3
    assert small_space(trial={"seed": 8}).trial_config({}).seed == 8


def test_a_point_becomes_the_trainers_configuration() -> None:
    config = small_space().trial_config({"alpha": 0.25, "lambda": 2, "bottleneck": 16})
    assert (config.alpha, config.lam, config.bottleneck, config.epochs) == (0.25, 2.0, 16, 9)


def test_a_space_survives_yaml() -> None:
    space = small_space(search={"start_points": [{"alpha": 0.5, "bottleneck": 16}]})
    again = yaml.safe_load(yaml.safe_dump(space.model_dump(mode="json")))
    assert space_from_mapping(again, "again.yaml") == space


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"at_most": 0.9},
            "at_most is 0.9, but the direction is maximize, so that only at_least can be a limit",
        ),
        (
            {"direction": "minimize", "at_least": 0.5},
            "at_least is 0.5, but the direction is minimize, so that only at_most can be a limit",
        ),
    ],
)
def test_a_limit_is_on_the_worse_side_of_its_objective(spec: dict[str, Any], expected: str) -> None:
    assert faults(space_mapping(objectives={"pgd_accuracy": spec})) == [f"objectives.pgd_accuracy: {expected}"]


@pytest.mark.parametrize(
    ("spec", "limit"),
    [({}, None), ({"at_least": 0.8}, 0.8), ({"direction": "minimize", "reference": 1, "at_most": 0}, 0.0)],
)
def test_a_limit_reaches_the_objective(spec: dict[str, Any], limit: float | None) -> None:
    assert small_space(objectives={"pgd_accuracy": spec}).objective_list[1].limit == limit


def test_a_minimised_objective_needs_a_reference() -> None:
    """With the 0 of accuracies no front of a positive metric would have any hypervolume."""
    (fault,) = faults(space_mapping(objectives={"pgd_accuracy": {"direction": "minimize"}}))
    assert fault.startswith("objectives.pgd_accuracy: is minimised and needs a `reference` for the hypervolume")


def test_rungs_of_a_trial_beside_early_stopping_are_refused() -> None:
    (fault,) = faults(space_mapping(trial={"rungs": [2], "eval_every": 2}))
    assert fault.startswith("trial.rungs: ")


@pytest.mark.parametrize(("every", "rungs"), [(1, ()), (4, (1, 3))])
def test_the_trainer_knows_the_rungs_unless_it_evaluates_after_every_epoch(every: int, rungs: tuple[int, ...]) -> None:
    space = small_space(trial={"eval_every": every})
    assert space.trial_config({"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}).rungs == rungs
