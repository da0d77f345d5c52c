"""Points as rows in [0, 1] and back: nothing is lost, and every row is a point of the space."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.optuna_private import contains
from tuner.search.forecast.unit_cube import UnitCube
from tuner.search.sampling import Evidence, propose
from tuner.space.parameters import FloatParameter

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 10.0, log=True),
    "share": FloatDistribution(-1.0, 1.0),
    "step": FloatDistribution(0.0, 1.0, step=0.1),
    "width": IntDistribution(8, 512, log=True),
    "layers": IntDistribution(2, 10, step=2),
    "batch": CategoricalDistribution([128, 32, 64]),
    "method": CategoricalDistribution(["plain", "mixed", "slow"]),
    "flag": CategoricalDistribution([True, False]),
    "only": FloatDistribution(0.5, 0.5),
    "strength": FloatDistribution(0.0, 1.0),
}
CONDITIONS = {"strength": {"method": ["mixed", "slow"]}}


def random_point(seed: int) -> dict[str, Any]:
    return propose("random", SPACE, 2, Evidence([], [], []), seed=seed, number=0, conditions=CONDITIONS)


@given(st.integers(0, 10_000))
def test_a_point_comes_back_from_its_row(seed: int) -> None:
    cube, point = UnitCube(SPACE, CONDITIONS), random_point(seed)
    row = cube.row(point)
    assert ((row >= 0) & (row <= 1)).all()
    assert cube.point(row) == pytest.approx(point)
    assert list(cube.point(row)) == list(point)


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_every_row_of_the_cube_is_a_point_of_the_space(numbers: list[float]) -> None:
    cube = UnitCube(SPACE, CONDITIONS)
    assert cube.width == len(numbers)
    point = cube.point(np.array(numbers))
    assert all(contains(SPACE[name], value) for name, value in point.items())
    assert ("strength" in point) == (point["method"] != "plain")
    assert point.keys() | {"strength"} == SPACE.keys()
    assert cube.nearest(np.array([numbers]))[0] == pytest.approx(cube.row(point))


def test_equal_distances_on_a_logarithmic_range_are_equal_in_the_cube() -> None:
    cube = UnitCube({"rate": SPACE["rate"]})
    assert [cube.row({"rate": 10.0**power})[0] for power in range(-4, 2)] == pytest.approx(np.linspace(0, 1, 6))


def test_choices_that_are_numbers_lie_in_ascending_order() -> None:
    cube = UnitCube({"batch": SPACE["batch"]})
    assert [cube.row({"batch": size})[0] for size in (32, 64, 128)] == pytest.approx([1 / 6, 3 / 6, 5 / 6])


def test_fixed_values_take_the_place_of_those_of_the_row() -> None:
    cube = UnitCube(SPACE, CONDITIONS)
    for seed in range(20):
        row = np.random.default_rng(seed).random(cube.width)
        point = cube.point(row, {"method": "slow", "rate": 0.5})
        assert (point["method"], point["rate"]) == ("slow", 0.5)
        assert "strength" in point
        assert cube.point(cube.nearest(row[None], {"method": "slow", "rate": 0.5})[0]) == pytest.approx(point)


def test_a_value_of_a_range_with_a_step_is_one_that_the_space_lists() -> None:
    parameter = FloatParameter(type="float", low=0.0, high=1.0, step=0.1)
    cube = UnitCube({"alpha": parameter.distribution()})
    found = {cube.point(np.array([share]))["alpha"] for share in np.linspace(0, 1, 101)}
    assert found == set(parameter.values())
