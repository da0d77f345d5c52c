"""The points of finite spaces, against enumeration."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.search.sampling.points import all_points, exhausted

FINITE: dict[str, BaseDistribution] = {
    "a": CategoricalDistribution(["x", "y"]),
    "b": IntDistribution(1, 7, step=3),
}
POINTS: list[dict[str, Any]] = [{"a": a, "b": b} for a, b in itertools.product("xy", [1, 4, 7])]


def test_finite_spaces_are_listed() -> None:
    assert all_points(FINITE, {}) == POINTS
    assert all_points(FINITE, {"b": 4}) == [{"a": "x", "b": 4}, {"a": "y", "b": 4}]


def test_a_real_range_has_no_end() -> None:
    space = {**FINITE, "c": FloatDistribution(0.0, 1.0)}
    assert all_points(space, {}) == []
    assert all_points(space, {"c": 0.5}) == [{**point, "c": 0.5} for point in POINTS]
    assert not exhausted(space, [{**point, "c": 0.5} for point in POINTS * 3])


def test_a_large_space_is_not_listed() -> None:
    space: dict[str, BaseDistribution] = {"a": IntDistribution(1, 200), "b": IntDistribution(1, 200)}
    assert all_points(space, {}) == []


@given(st.lists(st.sampled_from(POINTS), max_size=20))
def test_a_space_is_exhausted_when_every_point_was_tried_at_least_once(tried: list[dict[str, Any]]) -> None:
    assert exhausted(FINITE, tried) == all(point in tried for point in POINTS)


@pytest.mark.parametrize("count", [5, 6])
def test_all_but_one_is_not_all(count: int) -> None:
    assert exhausted(FINITE, POINTS[:count]) == (count == 6)
