"""Ranges with a step, and fractions in them."""

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution, distribution_to_json, json_to_distribution
from refused_spaces import refused
from simulated_search import small_space, space_mapping

from tuner.search.sampling import Evidence, propose
from tuner.space import space_from_mapping
from tuner.space.parameters import FloatParameter, value_fault

TENTHS = {"type": "float", "low": 0, "high": 1, "step": 0.1}


def with_alpha(parameter: dict[str, Any], **changes: dict[str, Any]) -> dict[str, Any]:
    mapping = space_mapping(**changes)
    mapping["parameters"] = {"alpha": parameter}
    return mapping


def test_a_step_reaches_optuna() -> None:
    parameters = {"alpha": TENTHS, "bottleneck": {"type": "int", "low": 8, "high": 32, "step": 12}}
    distributions = small_space(parameters=parameters).distributions()
    assert distributions["alpha"] == FloatDistribution(0, 1, step=0.1)
    assert distributions["bottleneck"] == IntDistribution(8, 32, step=12)


def test_the_values_of_a_step_have_the_digits_of_the_file() -> None:
    parameters = small_space(parameters={"alpha": TENTHS}).parameters
    assert parameters["alpha"].values() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert parameters["alpha"].count == 11


@pytest.mark.parametrize(
    "parameter",
    [
        {**TENTHS, "step": 0.3},
        {**TENTHS, "step": 2},
        {**TENTHS, "low": 0.1, "log": True},
        {"type": "int", "low": 8, "high": 32, "step": 7},
        {"type": "int", "low": 8, "high": 32, "step": 8, "log": True},
    ],
)
def test_a_step_divides_the_range_and_goes_with_no_logarithm(parameter: dict[str, Any]) -> None:
    name = "alpha" if parameter["type"] == "float" else "bottleneck"
    refused(space_mapping(parameters={name: parameter}), f"parameters.{name}")


@pytest.mark.parametrize("step", [0, -0.1, "x"])
def test_a_step_is_a_positive_number(step: object) -> None:
    refused(with_alpha({**TENTHS, "step": step}), "parameters.alpha.step")


def test_the_points_of_a_point_list_lie_on_the_steps() -> None:
    parameter = FloatParameter.model_validate(TENTHS)
    assert value_fault(parameter, 0.3) is None
    assert value_fault(parameter, 0.35) is not None


@given(st.integers(0, 30), st.integers(1, 40), st.integers(1, 12), st.integers(1, 255))
def test_a_range_of_fractions_has_all_its_values(low: int, steps: int, step: int, whole: int) -> None:
    """Their decimals do not divide: Optuna alone would drop the last value of some."""
    texts = {"low": f"{low}/{whole}", "high": f"{low + steps * step}/{whole}", "step": f"{step}/{whole}"}
    parameter = FloatParameter.model_validate({"type": "float", **texts})
    expected = [float(Fraction(low + index * step, whole)) for index in range(steps + 1)]
    assert parameter.values() == pytest.approx(expected, rel=1e-14)
    assert parameter.values()[-1] == expected[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        distribution = parameter.distribution()
    assert all(distribution._contains(value) for value in parameter.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = json_to_distribution(distribution_to_json(distribution))
    assert read.to_external_repr(expected[-1]) == expected[-1], "as the ledger gives values back"


@given(st.integers(0, 2**31), st.sampled_from([0.1, 0.25, 0.05]))
def test_a_proposal_is_one_of_the_values(number: int, step: float) -> None:
    parameter = FloatParameter.model_validate({**TENTHS, "step": step})
    nothing = Evidence([], [], [])
    point = propose("random", {"alpha": parameter.distribution()}, 1, nothing, seed=0, number=number)
    assert point["alpha"] in parameter.values()


@pytest.mark.parametrize("sampler", ["motpe", "nsga2", "gp"])
def test_models_propose_values_too(sampler: str) -> None:
    parameter = FloatParameter.model_validate({"type": "float", "low": "0", "high": "8/255", "step": "1/255"})
    measured = [({"alpha": value}, np.array([value, 1 - value])) for value in parameter.values()[:7]]
    known = Evidence(measured, [], [point for point, _ in measured])
    point = propose(sampler, {"alpha": parameter.distribution()}, 2, known, seed=0, number=7)
    assert point["alpha"] in parameter.values()[7:]


def test_steps_are_counted_in_a_grid() -> None:
    mapping = with_alpha({**TENTHS, "step": 0.5}, search={"sampler": "grid", "trials": 3})
    mapping["early_stopping"] = {"scheduler": "none"}
    space = space_from_mapping(mapping, "grid.yaml")
    assert space.grid() == [{"alpha": 0}, {"alpha": 0.5}, {"alpha": 1}]
    assert space.grid_size() == 3


def test_a_fraction_among_numbers_is_a_number() -> None:
    choices = {"type": "categorical", "choices": [0.01, "8/255"]}
    start = {"attack_step_size": "8/255"}
    space = small_space(parameters={"attack_step_size": choices}, search={"start_points": [start]})
    assert space.parameters["attack_step_size"].values() == [0.01, 8 / 255]
    assert space.search.start_points == [{"attack_step_size": 8 / 255}]


def test_a_name_among_numbers_is_refused() -> None:
    choices = {"type": "categorical", "choices": [0.01, "8/255", "many"]}
    refused(space_mapping(parameters={"attack_step_size": choices}), "parameters.attack_step_size.choices")
