"""Spaces with conditions: a search over methods, each with its own knobs, and conditions drawn at random."""

from typing import Any

from hypothesis import strategies as st
from simulated_search import space_mapping

from tuner.space import Space, space_from_mapping
from tuner.space.conditions import Conditions

# Two levels: the estimator's knob needs the estimator, which needs the objective. Two methods have a lambda.
METHODS: dict[str, Any] = {
    "objective": {"type": "categorical", "choices": ["shared_information", "trades", "mma"]},
    "bottleneck": {"type": "int", "low": 8, "high": 32, "step": 8},
    "alpha": {"type": "float", "low": 0, "high": 1, "step": 0.25, "when": {"objective": "shared_information"}},
    "estimator": {
        "key": "information_estimator",
        "type": "categorical",
        "choices": ["hsic", "mige"],
        "when": {"objective": ["shared_information"]},
    },
    "si_lambda": {
        "key": "lambda",
        "type": "float",
        "low": 0.1,
        "high": 10,
        "log": True,
        "when": {"objective": "shared_information", "estimator": "hsic"},
    },
    "trades_lambda": {"key": "lambda", "type": "float", "low": 1, "high": 8, "when": {"objective": ["trades"]}},
}


def methods_mapping(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return the space over methods as a file holds it; `changes` go into its sections."""
    mapping = {**space_mapping(), "parameters": METHODS}
    for section, values in changes.items():
        mapping[section] = {**mapping[section], **values}
    return mapping


def methods_space(**changes: dict[str, Any]) -> Space:
    """Return the space over methods."""
    return space_from_mapping(methods_mapping(**changes), "methods.yaml")


def wanted_names(point: dict[str, Any]) -> set[str]:
    """Return the parameters that a point of `METHODS` must have, written without conditions."""
    names = {"objective", "bottleneck"}
    if point["objective"] == "shared_information":
        names |= {"alpha", "estimator"} | ({"si_lambda"} if point["estimator"] == "hsic" else set())
    return names | ({"trades_lambda"} if point["objective"] == "trades" else set())


@st.composite
def drawn_conditions(draw: st.DrawFn) -> tuple[dict[str, list[int]], Conditions]:
    """Draw the values of up to five parameters, and conditions without circles."""
    names = draw(st.permutations("abcde"))[: draw(st.integers(1, 5))]
    values = {name: list(range(draw(st.integers(1, 4)))) for name in sorted(names)}
    conditions: dict[str, dict[str, list[int]]] = {}
    for place, name in enumerate(names):
        others = draw(st.lists(st.sampled_from(names[:place]), max_size=2, unique=True)) if place else []
        for other in others:
            allowed = draw(st.lists(st.sampled_from(values[other]), min_size=1, unique=True))
            conditions.setdefault(name, {})[other] = allowed
    return values, conditions
