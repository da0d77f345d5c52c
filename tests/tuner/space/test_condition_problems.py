"""Wrong conditions and keys, asked for by their paths; and what fixed keys mean beside conditions."""

from typing import Any

import pytest
from conditional_spaces import METHODS, methods_mapping, methods_space
from hypothesis import given
from hypothesis import strategies as st
from refused_spaces import refused

from training.config import parse_trial
from tuner.space import Space, parameter_lines, space_from_mapping
from tuner.space.continued import differing_keys

PLAIN = {"type": "float", "low": 0.1, "high": 1}
SHORT = {"type": "float", "low": 0.1, "high": 0.9}


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({"beta": {**PLAIN, "when": {"objektive": "trades"}}}, "parameters.beta.when.objektive"),
        ({"beta": {**PLAIN, "when": {"objective": "tradse"}}}, "parameters.beta.when.objective"),
        ({"beta": {**PLAIN, "when": {"objective": ["trades", "mart"]}}}, "parameters.beta.when.objective"),
        ({"beta": {**PLAIN, "when": {"trades_lambda": 2}}}, "parameters.beta.when.trades_lambda"),
        ({"beta": {**PLAIN, "when": {"lambda": 2}}}, "parameters.beta.when.lambda"),
        ({"beta": {**PLAIN, "when": {"bottleneck": 12}}}, "parameters.beta.when.bottleneck"),
        ({"beta": {**PLAIN, "when": {"architecture": "resnet18"}}}, "parameters.beta.when.architecture"),
        ({"beta": {**PLAIN, "when": {"optimiser": "sgd", "momentum": 0.1}}}, "parameters.beta.when.momentum"),
        ({"beta": {**PLAIN, "when": {"objective": []}}}, "parameters.beta.when.objective"),
        ({"beta": {**PLAIN, "when": "trades"}}, "parameters.beta.when"),
        ({"beta": {**PLAIN, "when": {"objective": "trades", "alpha": 0.5}}}, "parameters.beta.when"),
        ({"beta": {**PLAIN, "when": {"beta": 0.5}, "step": 0.1}}, "parameters.beta.when"),
        ({"momentum": {**PLAIN, "key": "learning_rate"}}, "parameters.momentum"),
        ({"a-b": {**PLAIN, "key": "learning_rate"}}, "parameters.a-b"),
        ({"other": {**PLAIN, "key": "learning_rates"}}, "parameters.other.key"),
        ({"other": {**PLAIN, "key": "epsilon"}}, "parameters.other"),
    ],
)
def test_a_wrong_condition_or_key_is_one_fault(parameters: dict[str, Any], path: str) -> None:
    refused(methods_mapping(parameters=parameters), path)


def test_parameters_that_set_one_key_exclude_each_other() -> None:
    other = {**PLAIN, "key": "lambda", "when": {"bottleneck": 8}}
    refused(methods_mapping(parameters={"other": other}), "parameters.other", "parameters.other")
    apart = {**other, "when": {"objective": "shared_information", "estimator": "mige"}}
    assert methods_space(parameters={"other": apart}).names_of("lambda") == ["si_lambda", "trades_lambda", "other"]


def test_conditions_on_a_circle_are_named() -> None:
    parameters = {
        "beta": {**PLAIN, "step": 0.1, "when": {"momentum": 0.5}},
        "momentum": {**PLAIN, "step": 0.1, "when": {"beta": 0.5}},
        "learning_rate": {**PLAIN, "when": {"beta": 0.5}},
    }
    message = refused(methods_mapping(parameters=parameters), "parameters.beta.when")
    assert "beta -> momentum -> beta" in message


@pytest.mark.parametrize(
    "chosen",
    [
        {"type": "categorical", "choices": ["4/255", "8/255", 0.1]},
        {"type": "float", "low": "1/255", "high": "21/255", "step": "1/255"},
    ],
)
@pytest.mark.parametrize("wanted", ["8/255", ["4/255", 8 / 255]])
def test_a_condition_may_have_fractions(chosen: dict[str, Any], wanted: object) -> None:
    parameters = {"weight_decay": chosen, "momentum": {**SHORT, "when": {"weight_decay": wanted}}}
    space = methods_space(parameters=parameters)
    assert set(space.parameters["momentum"].when["weight_decay"]) <= set(space.parameters["weight_decay"].values())
    assert len(space.parameters["momentum"].when["weight_decay"]) == (2 if isinstance(wanted, list) else 1)
    again = space_from_mapping(space.model_dump(mode="json"), "frozen")
    assert again == space
    refused(
        methods_mapping(parameters={**parameters, "momentum": {**SHORT, "when": {"weight_decay": "9/256"}}}),
        "parameters.momentum.when.weight_decay",
    )


@pytest.mark.parametrize(("fixed", "wanted"), [("8/255", 8 / 255), (8 / 255, "8/255"), ("8/255", "16/510")])
def test_a_fraction_is_the_number_of_a_fixed_key(fixed: object, wanted: object) -> None:
    momentum = {**SHORT, "when": {"epsilon": wanted}}
    space = methods_space(trial={"epsilon": fixed}, parameters={"momentum": momentum})
    assert "momentum" not in space.conditions, "it is searched in every trial"
    refused(
        methods_mapping(trial={"epsilon": fixed}, parameters={"momentum": {**SHORT, "when": {"epsilon": "7/255"}}}),
        "parameters.momentum.when.epsilon",
    )


def test_a_condition_on_a_fixed_key_is_decided_by_it() -> None:
    parameters = {"weight_decay": {**PLAIN, "when": {"optimiser": "sgd"}}}
    space = methods_space(parameters=parameters)
    assert "weight_decay" not in space.conditions
    refused(
        methods_mapping(parameters=parameters, trial={"optimiser": "adam"}), "parameters.weight_decay.when.optimiser"
    )


@pytest.mark.parametrize(
    ("point", "path"),
    [
        ({"alpha": 0.5}, "alpha"),
        ({"objective": "trades", "alpha": 0.5}, "alpha"),
        ({"objective": "shared_information", "si_lambda": 1.0}, "si_lambda"),
        ({"objective": "shared_information", "alpha": 0.6}, "alpha"),
        ({"lambda": 2.0}, "lambda"),
    ],
)
def test_a_start_point_respects_conditions(point: dict[str, Any], path: str) -> None:
    refused(methods_mapping(search={"start_points": [point]}), f"search.start_points.0.{path}")


def test_a_start_point_may_leave_the_rest_to_the_sampler() -> None:
    point = {"objective": "shared_information", "estimator": "hsic", "si_lambda": 2.0}
    assert methods_space(search={"start_points": [point]}).search.start_points == [point]


@pytest.mark.parametrize("objective", ["shared_information", "trades", "mma"])
def test_a_fixed_knob_is_used_by_the_trials_that_choose_its_name(objective: str) -> None:
    fixed = {"beta": "shared_information", "hsic_width": "shared_information", "max_margin": "mma"}
    space = methods_space(trial={"beta": 0.02, "hsic_width": "first_columns", "max_margin": 0.2})
    for branch in (branch for branch in space.branches() if branch["objective"] == objective):
        config = space.trial_config(branch).to_mapping()
        used = {key for key, owner in fixed.items() if owner == objective}
        used -= {"hsic_width"} if branch.get("estimator") == "mige" else set()
        assert {key: config[key] for key in fixed if key in config} == {key: space.trial[key] for key in used}


def test_a_fixed_knob_that_no_trial_can_use_is_refused() -> None:
    mapping = methods_mapping()
    mapping["parameters"] = {
        "objective": {"type": "categorical", "choices": ["trades", "mart"]},
        "bottleneck": METHODS["bottleneck"],
    }
    mapping["trial"] = {**mapping["trial"], "alpha": 0.5}
    refused(mapping, "trial.alpha", "trial.alpha")


def test_a_fixed_value_is_that_of_the_trials_whose_condition_fails() -> None:
    parameters = {"learning_rate": {**PLAIN, "when": {"objective": "trades"}}}
    space = methods_space(parameters=parameters, trial={"learning_rate": 0.05})
    rates = {branch["objective"]: space.trial_config(branch).learning_rate for branch in space.branches()}
    assert rates == {"shared_information": 0.05, "trades": 0.1, "mma": 0.05}


def test_a_fixed_value_that_no_trial_has_is_refused() -> None:
    mapping = methods_mapping(trial={"lambda": 3.0})
    mapping["parameters"] = {name: METHODS[name] for name in ("objective", "trades_lambda")}
    mapping["parameters"]["objective"] = {"type": "categorical", "choices": ["trades", "mma"]}
    refused(mapping, "trial.lambda")


def test_a_parameter_that_a_method_lacks_is_told_to_have_a_condition() -> None:
    paths = [f"parameters.alpha.{end}" for end in ("low", "high") for _method in ("trades", "mma")]
    message = refused(methods_mapping(parameters={"alpha": PLAIN}), *paths)
    assert "when" in message


def test_a_space_with_conditions_is_read_back_as_it_was_written() -> None:
    space = methods_space()
    again = Space.model_validate(space.model_dump(mode="json"))
    assert again == space
    assert differing_keys(space, again) == {}
    assert parameter_lines(again) == parameter_lines(space)


def test_defaults_are_those_that_all_trials_share() -> None:
    defaults = methods_space().defaults()
    del defaults["rungs"], defaults["imports"]  # the space says them elsewhere
    assert defaults["learning_rate"] == 0.1
    assert not {"lambda", "information_estimator", "objective", "dataset"} & defaults.keys()
    shown = methods_mapping(trial=defaults)
    assert space_from_mapping(shown, "shown").defaults().keys() <= {"rungs", "imports"}


@given(st.integers(0, 10**6))
def test_a_grid_has_every_valid_point_once(seed: int) -> None:
    mapping = methods_mapping()
    names = ("objective", "bottleneck", "alpha")
    mapping["parameters"] = {name: METHODS[name] for name in names}
    mapping["search"] = {"sampler": "grid", "seed": seed}
    mapping["early_stopping"] = {"scheduler": "none"}
    space = space_from_mapping(mapping, "grid.yaml")
    points = space.grid()
    assert len(points) == space.grid_size() == space.search.trials == 4 * 5 + 4 + 4
    assert all(("alpha" in point) == (point["objective"] == "shared_information") for point in points)
    for point in points:
        parse_trial(space.given_keys(point))
