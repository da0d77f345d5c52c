"""Proposals as a pure function of evidence, seed and number; the points of finite spaces against enumeration."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuner.pareto.objectives import FloatArray
from tuner.search.sampling import Evidence, exhausted, propose
from tuner.search.sampling.propose import _all_points

SPACE: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "y": FloatDistribution(1e-4, 1e-1, log=True),
    "n": IntDistribution(1, 64, log=True),
    "c": CategoricalDistribution([16, 32, 64]),
}
FINITE: dict[str, BaseDistribution] = {
    "a": CategoricalDistribution(["x", "y"]),
    "b": IntDistribution(1, 7, step=3),
}
POINTS: list[dict[str, Any]] = [{"a": a, "b": b} for a, b in itertools.product("xy", [1, 4, 7])]
NOTHING = Evidence([], [], [])
SAMPLERS = ["motpe", "nsga2", "random"]
# Fits Gaussian processes, which takes a second a proposal: it has tests of its own in test_samplers.py.


def draw_points(count: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "x": float(rng.random()),
            "y": float(10 ** rng.uniform(-4, -1)),
            "n": int(rng.integers(1, 65)),
            "c": int(rng.choice([16, 32, 64])),
        }
        for _ in range(count)
    ]


def losses_of(point: Mapping[str, Any]) -> FloatArray:
    """Return two objectives whose Pareto set is x in [0.2, 0.4], y small, c = 32."""
    penalty = (math.log10(point["y"]) + 4) / 3 + (point["c"] != 32)
    return np.array([abs(point["x"] - 0.2) + penalty, abs(point["x"] - 0.4) + penalty])


def evidence(count: int, seed: int = 0, running: int = 0) -> Evidence:
    points = draw_points(count + running, seed)
    return Evidence([(p, losses_of(p)) for p in points[:count]], points[count:], points)


def ask(
    sampler: str, known: Evidence, *, seed: int = 0, number: int = 40, fixed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return propose(sampler, SPACE, 2, known, seed=seed, number=number, fixed=fixed)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("known", [NOTHING, evidence(4, running=3), evidence(20, running=3)])
def test_the_same_request_gets_the_same_proposal(sampler: str, known: Evidence) -> None:
    assert ask(sampler, known) == ask(sampler, known)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("known", [NOTHING, evidence(20, running=3)])
def test_another_number_or_seed_gets_another_proposal(sampler: str, known: Evidence) -> None:
    asked = [ask(sampler, known, seed=seed, number=number) for seed in range(3) for number in range(4)]
    assert all(asked.count(point) == 1 for point in asked)


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(seed=st.integers(0, 2**31), number=st.integers(0, 10_000), known=st.integers(0, 14))
@settings(max_examples=25)
def test_proposals_lie_inside_the_space(sampler: str, seed: int, number: int, known: int) -> None:
    point = ask(sampler, evidence(known, seed % 7, running=2), seed=seed, number=number)
    assert list(point) == list(SPACE)
    assert 0 <= point["x"] <= 1
    assert 1e-4 <= point["y"] <= 1e-1
    assert isinstance(point["n"], int)
    assert 1 <= point["n"] <= 64
    assert point["c"] in {16, 32, 64}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("known", [NOTHING, evidence(20)])
def test_a_fixed_point_is_taken_as_it_is(sampler: str, known: Evidence) -> None:
    whole = {"x": 0.25, "y": 1e-3, "n": 7, "c": 64}
    assert ask(sampler, known, fixed=whole) == whole
    assert ask(sampler, known, seed=1, fixed=whole) == whole


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("known", [NOTHING, evidence(20)])
def test_a_partly_fixed_point_is_completed(sampler: str, known: Evidence) -> None:
    points = [ask(sampler, known, number=number, fixed={"c": 16, "x": 0}) for number in range(5)]
    assert all((point["c"], point["x"]) == (16, 0.0) for point in points)
    assert len({point["y"] for point in points}) == 5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_point_that_was_tried_is_not_proposed_again(sampler: str) -> None:
    space: dict[str, BaseDistribution] = {"c": CategoricalDistribution([1, 2, 3, 4, 5])}
    tried: list[dict[str, Any]] = []
    for number in range(5):
        tried.append(propose(sampler, space, 1, Evidence([], tried, tried), seed=0, number=number))
    assert sorted(point["c"] for point in tried) == [1, 2, 3, 4, 5]
    again = propose(sampler, space, 1, Evidence([], [], tried), seed=0, number=5)
    assert again in tried, "no other is left"


@pytest.mark.parametrize("seed", range(20))
def test_a_small_space_is_tried_to_its_last_point_even_where_the_model_prefers_others(seed: int) -> None:
    space: dict[str, BaseDistribution] = {
        "a": CategoricalDistribution([1, 2, 3, 4]),
        "b": IntDistribution(1, 5, step=2),
    }
    tried: list[dict[str, Any]] = []
    for number in range(12):
        measured = [(point, np.array([abs(point["a"] - 2.0), abs(point["b"] - 3.0)])) for point in tried]
        tried.append(propose("motpe", space, 2, Evidence(measured, [], tried), seed=seed, number=number))
    assert sorted((p["a"], p["b"]) for p in tried) == [(a, b) for a in (1, 2, 3, 4) for b in (1, 3, 5)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_objective_and_three_are_served(sampler: str) -> None:
    for objectives in (1, 3):
        known = Evidence([(p, np.full(objectives, p["x"])) for p in draw_points(15, 0)], [], [])
        assert set(propose(sampler, SPACE, objectives, known, seed=0, number=1)) == set(SPACE)


def median_loss(points: Sequence[Mapping[str, Any]]) -> float:
    return float(np.median([losses_of(point).sum() for point in points]))


def test_tpe_learns_from_the_evidence_and_random_sampling_does_not() -> None:
    """Half of TPE's proposals after 30 trials are better than nearly all random ones."""
    known = evidence(30)
    samplers = ["motpe", "random"]
    proposals = {sampler: [ask(sampler, known, number=number) for number in range(30, 60)] for sampler in samplers}
    assert median_loss(proposals["motpe"]) < 0.5 * median_loss(proposals["random"])
    assert sum(point["c"] == 32 for point in proposals["motpe"]) >= 20
    assert sum(point["c"] == 32 for point in proposals["random"]) <= 15


def test_random_proposals_ignore_the_evidence() -> None:
    assert ask("random", evidence(30)) == ask("random", NOTHING)


@pytest.mark.parametrize("sampler", ["motpe", "nsga2", "gp"])
def test_models_start_at_random(sampler: str) -> None:
    few, none = evidence(5), NOTHING
    assert ask(sampler, few) == ask("random", none)
    assert ask(sampler, evidence(6)) != ask("random", none)


def test_finite_spaces_are_listed() -> None:
    assert _all_points(FINITE, {}) == POINTS
    assert _all_points(FINITE, {"b": 4}) == [{"a": "x", "b": 4}, {"a": "y", "b": 4}]


def test_a_real_range_has_no_end() -> None:
    space = {**FINITE, "c": FloatDistribution(0.0, 1.0)}
    assert _all_points(space, {}) == []
    assert _all_points(space, {"c": 0.5}) == [{**point, "c": 0.5} for point in POINTS]
    assert not exhausted(space, [{**point, "c": 0.5} for point in POINTS * 3])


def test_a_large_space_is_not_listed() -> None:
    space: dict[str, BaseDistribution] = {"a": IntDistribution(1, 200), "b": IntDistribution(1, 200)}
    assert _all_points(space, {}) == []


@given(st.lists(st.sampled_from(POINTS), max_size=20))
def test_a_space_is_exhausted_when_every_point_was_tried_at_least_once(tried: list[dict[str, Any]]) -> None:
    assert exhausted(FINITE, tried) == all(point in tried for point in POINTS)


@pytest.mark.parametrize("count", [5, 6])
def test_all_but_one_is_not_all(count: int) -> None:
    assert exhausted(FINITE, POINTS[:count]) == (count == 6)
