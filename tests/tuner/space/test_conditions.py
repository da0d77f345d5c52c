"""Points, counts and consistency of conditions against enumeration of everything."""

import itertools
import math
from typing import Any

import pytest
from conditional_spaces import drawn_conditions, methods_space, wanted_names
from hypothesis import given

from tuner.space.conditions import (
    Conditions,
    can_hold_together,
    combinations,
    count_points,
    holds,
    in_order,
    whole_condition,
)
from tuner.space.points import MOST_CORNERS

Drawn = tuple[dict[str, list[int]], Conditions]


def brute_force(values: dict[str, list[int]], conditions: Conditions) -> list[dict[str, Any]]:
    """Remove from every combination the parameters whose conditions fail, until none is left to remove."""
    found: list[dict[str, Any]] = []
    for chosen in itertools.product(*values.values()):
        point = dict(zip(values, chosen, strict=True))
        while failing := [name for name in point if not holds(name, point, conditions)]:
            for name in failing:
                del point[name]
        if point not in found:
            found.append(point)
    return found


def in_any_order(points: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(point.items())) for point in points)


@given(drawn_conditions())
def test_combinations_are_all_points_each_once(drawn: Drawn) -> None:
    values, conditions = drawn
    points = list(combinations(values, conditions))
    assert in_any_order(points) == in_any_order(brute_force(values, conditions))
    assert all(list(point) == [name for name in values if name in point] for point in points)


@given(drawn_conditions())
def test_points_are_counted_without_a_list(drawn: Drawn) -> None:
    values, conditions = drawn
    counts = {name: float(len(each)) for name, each in values.items()}
    assert count_points(counts, conditions) == len(brute_force(values, conditions))


@given(drawn_conditions())
def test_what_can_hold_together_does_so_in_some_point(drawn: Drawn) -> None:
    values, conditions = drawn
    points = brute_force(values, conditions)
    searched = {name for point in points for name in point}
    assert searched == {name for name in values if all(whole_condition(name, conditions).values())}
    for one, other in itertools.combinations(sorted(searched), 2):
        together = any(one in point and other in point for point in points)
        assert can_hold_together(one, other, conditions) == together


def test_without_conditions_the_last_parameter_varies_fastest() -> None:
    points = list(combinations({"a": [1, 2], "b": ["x", "y"]}, {}))
    assert points == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]


def test_a_real_range_counts_only_where_it_can_be_searched() -> None:
    counts = {"a": 2.0, "x": math.inf}
    assert count_points(counts, {"x": {"a": [1]}}) == math.inf
    assert count_points({"a": 2.0, "b": 10.0**9}, {"b": {"a": [1]}}) == 1 + 10**9


def test_many_switches_with_a_knob_each_are_counted() -> None:
    """Each switch is off, or on with one of five values: 6 ways; one value of the method has all of them, one none."""
    switches = {f"s{i}": 2.0 for i in range(40)}
    knobs = {f"k{i}": 5.0 for i in range(40)}
    conditions: dict[str, dict[str, list[Any]]] = {f"k{i}": {f"s{i}": [1]} for i in range(40)}
    assert count_points({**knobs, **switches}, conditions) == 6.0**40
    below = {**conditions, **{name: {"method": ["many"]} for name in switches}}
    assert count_points({**switches, **knobs, "method": 2.0}, below) == 6.0**40 + 1


def test_parameters_on_a_circle_have_no_order() -> None:
    conditions = {"a": {"b": [1]}, "b": {"a": [1]}, "d": {"a": [1]}, "e": {"c": [1]}}
    assert in_order("edabc", conditions) == ["c", "e"]


def test_a_corner_of_a_space_has_the_parameters_whose_conditions_hold() -> None:
    corners = list(methods_space().corners())
    assert all(set(corner) == wanted_names(corner) for corner in corners)
    # shared_information: 2 ends of bottleneck x 2 of alpha x (hsic with 2 ends of lambda, mige); trades 2 x 2; mma 2.
    assert len(corners) == 2 * 2 * 3 + 4 + 2


@pytest.mark.parametrize("objective", ["shared_information", "trades", "mma"])
def test_each_method_has_a_branch(objective: str) -> None:
    branches = [branch for branch in methods_space().branches() if branch["objective"] == objective]
    assert len(branches) == (2 if objective == "shared_information" else 1)


def test_each_branch_is_tried_even_if_one_method_has_more_corners_than_are_tried() -> None:
    ends = {"type": "float", "low": 0.1, "high": 0.2, "when": {"objective": "shared_information"}}
    keys = ["beta", "lam_start", "learning_rate", "momentum", "weight_decay", "sigma_floor", "lr_drop_factor"]
    keys += ["ramp_start", "train_fraction"]
    parameters = dict.fromkeys(keys, ends)
    space = methods_space(parameters=parameters)
    corners = list(space.corners())
    assert len(corners) == MOST_CORNERS
    assert {corner["objective"] for corner in corners} == {"shared_information", "trades", "mma"}
