"""Faults of single keys and values of a space file: all are reported at once, each with its path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refused_spaces import refused
from simulated_search import space_mapping


def test_all_faults_are_listed_at_once() -> None:
    mapping = space_mapping(
        trial={"epsilon": 2, "epohcs": 3},
        parameters={"alpha": {"type": "float", "low": 1, "high": 0}},
        search={"trials": 0, "sampler": "gird"},
    )
    mapping["frequency"] = 1
    paths = ("parameters.alpha", "search.trials", "frequency", "trial.epsilon", "trial.epohcs", "search.sampler")
    refused(mapping, *paths)


@pytest.mark.parametrize("kind", ["float", "int"])
@given(low=st.integers(-5, 5), gap=st.integers(0, 5))
def test_low_must_be_below_high(kind: str, low: int, gap: int) -> None:
    refused(
        space_mapping(parameters={"bottleneck": {"type": kind, "low": low, "high": low - gap}}),
        "parameters.bottleneck",
    )


def test_a_name_leaves_room_for_the_number_of_a_search() -> None:
    refused({**space_mapping(), "name": "n" * 81}, "name")


@pytest.mark.parametrize("low", [0, -1])
def test_a_logarithmic_range_lies_above_zero(low: int) -> None:
    ranged = {"type": "float", "low": low, "high": 1, "log": True}
    assert "log: true" in refused(space_mapping(parameters={"alpha": ranged}), "parameters.alpha")


@pytest.mark.parametrize(
    ("changes", "path", "near"),
    [
        ({"search": {"trails": 8}}, "search.trails", "trials"),
        ({"early_stopping": {"grace_epoch": 8}}, "early_stopping.grace_epoch", "grace_epochs"),
        ({"resources": {"gpu_per_trial": 1}}, "resources.gpu_per_trial", "gpus_per_trial"),
        (
            {"objectives": {"pgd_accuracy": {"directoin": "maximize"}}},
            "objectives.pgd_accuracy.directoin",
            "direction",
        ),
        (
            {"parameters": {"alpha": {"type": "float", "low": 0, "high": 1, "hgih": 1}}},
            "parameters.alpha.hgih",
            "high",
        ),
        (
            {"parameters": {"bottleneck": {"type": "categorical", "choices": [8, 16], "low": 1}}},
            "parameters.bottleneck.low",
            "type, choices",
        ),
        ({"parameters": {"alfa": {"type": "float", "low": 0, "high": 1}}}, "parameters.alfa", "alpha"),
        ({"trial": {"attack_step": 3}}, "trial.attack_step", "attack_steps"),
    ],
)
def test_unknown_keys_are_answered_with_near_ones(changes: dict[str, Any], path: str, near: str) -> None:
    assert near in refused(space_mapping(**changes), path)


@pytest.mark.parametrize(
    ("parameter", "path"),
    [
        ({"low": 0, "high": 1}, "parameters.alpha"),
        ({"type": "real", "low": 0}, "parameters.alpha"),
        ({"type": "float", "low": 0}, "parameters.alpha.high"),
        ({"type": "float", "low": "8/zero", "high": 1}, "parameters.alpha.low"),
        ({"type": "float", "low": 0, "high": float("inf")}, "parameters.alpha.high"),
        ({"type": "categorical", "choices": [0.5]}, "parameters.alpha.choices"),
        ({"type": "categorical", "choices": 3}, "parameters.alpha.choices"),
        ({"type": "categorical", "choices": [0.5, 0.5]}, "parameters.alpha"),
        ({"type": "categorical", "choices": [0.5, "1e-3"]}, "parameters.alpha.choices"),
        ({"type": "categorical", "choices": [True, False]}, "parameters.alpha.choices"),
    ],
)
def test_a_parameter_says_what_is_wrong_with_it_once(parameter: dict[str, Any], path: str) -> None:
    refused(space_mapping(parameters={"alpha": parameter}), path)


@pytest.mark.parametrize("nothing", [None, [], "0.5"])
def test_a_parameter_with_nothing_below_must_hold_keys(nothing: object) -> None:
    assert "must hold keys and values" in refused(space_mapping(parameters={"alpha": nothing}), "parameters.alpha")


def test_the_advice_on_a_boolean_among_choices_is_not_to_quote_it() -> None:
    choices = {"type": "categorical", "choices": [True, 32]}
    message = refused(space_mapping(parameters={"batch_size": choices}), "parameters.batch_size.choices")
    assert "boolean" in message
    assert "quote" not in message


@pytest.mark.parametrize(("value", "quotes"), [("6/zero", False), ("0.5", True)])
def test_a_text_in_a_point_is_refused(value: str, quotes: bool) -> None:
    message = refused(space_mapping(search={"start_points": [{"alpha": value}]}), "search.start_points.0.alpha")
    assert ("quotes" in message) is quotes


def test_an_empty_file_lacks_what_is_required() -> None:
    refused({}, "name", "trial", "parameters", "objectives")


@pytest.mark.parametrize("section", ["trial", "parameters"])
def test_keys_that_are_no_text_are_named(section: str) -> None:
    """YAML reads `1:` as a number."""
    mapping = space_mapping()
    mapping[section][1] = {"type": "float", "low": 0, "high": 1}
    refused(mapping, f"{section}.1")


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "-flag"])
def test_a_name_can_be_a_folder(name: str) -> None:
    assert repr(name) in refused({**space_mapping(), "name": name}, "name")


@pytest.mark.parametrize(
    ("spec", "limit"),
    [({"at_most": 0.9}, "at_most"), ({"direction": "minimize", "reference": 1, "at_least": 0.5}, "at_least")],
)
def test_a_limit_is_on_the_worse_side_of_its_objective(spec: dict[str, Any], limit: str) -> None:
    message = refused(space_mapping(objectives={"pgd_accuracy": spec}), "objectives.pgd_accuracy")
    assert f"{limit} is {spec[limit]}" in message
