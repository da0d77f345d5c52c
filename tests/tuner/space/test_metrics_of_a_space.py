"""Objectives and constraints of a space: their defaults, what its trials measure, and what a resume refuses."""

from pathlib import Path
from typing import Any

import pytest
from plug_ins import plug_ins
from simulated_search import small_space, space_mapping

from tuner.pareto.objectives import Objective
from tuner.space import Space, space_from_mapping
from tuner.space.continued import differing_keys, in_recorded_order

OWN = "own_numbers:entropy"


def constrained(**constraints: dict[str, Any]) -> Space:
    return space_from_mapping({**space_mapping(), "constraints": constraints}, "my.yaml")


def test_the_direction_is_that_of_the_metric_unless_the_space_has_one() -> None:
    space = small_space(objectives={"seconds": {"reference": 60}, "parameters": {"direction": "maximize"}})
    maximised = {objective.name: objective.maximise for objective in space.objective_list}
    expected = {"natural_accuracy": True, "pgd_accuracy": True, "seconds": False, "parameters": True}
    assert maximised == expected
    assert Space.model_validate(space.model_dump(mode="json")) == space


def test_a_constraint_limits_one_side_or_both() -> None:
    space = constrained(seconds={"at_most": 60}, parameters={"at_least": 10, "at_most": 20})
    assert space.constraint_list == (
        Objective("seconds", maximise=False, limit=60),
        Objective("parameters", maximise=True, limit=10),
        Objective("parameters", maximise=False, limit=20),
    )
    assert space.criteria == (*space.objective_list, *space.constraint_list)


def test_a_trial_measures_what_it_is_compared_by() -> None:
    space = space_from_mapping(
        {
            **space_mapping(objectives={"worst_class_pgd_accuracy": {}}, trial={"metrics": ["gpu_memory"]}),
            "constraints": {"seconds": {"at_most": 60}, "parameters": {"at_most": 1e6}},
        },
        "my.yaml",
    )
    assert space.example.metrics == ("gpu_memory", "worst_class_pgd_accuracy", "parameters")
    assert small_space().example.metrics == ()


def test_a_metric_of_your_own_is_code_of_the_space(tmp_path: Path) -> None:
    with plug_ins(tmp_path, {"own_numbers.py": "def entropy(predictions):\n    return 1.0\n"}):
        space = small_space(objectives={OWN: {}})
        assert space.outside_modules == ["own_numbers"]
        assert space.example.metrics == (OWN,)
        assert constrained(**{OWN: {"at_most": 3}}).outside_modules == ["own_numbers"]


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"seconds": {"at_most": 61}}, {"constraints.seconds.at_most"}),
        ({}, {"constraints.seconds.at_most"}),
        ({"seconds": {"at_most": 60}}, set()),
    ],
)
def test_a_resume_with_other_constraints_differs(asked: dict[str, Any], keys: set[str]) -> None:
    assert differing_keys(constrained(seconds={"at_most": 60}), constrained(**asked)).keys() == keys


def test_constraints_keep_the_recorded_order() -> None:
    recorded = constrained(seconds={"at_most": 60}, parameters={"at_most": 9})
    asked = constrained(parameters={"at_most": 9}, seconds={"at_most": 60})
    assert in_recorded_order(recorded, asked).constraint_list == recorded.constraint_list
