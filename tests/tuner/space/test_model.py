"""What a valid space holds: configurations of points, limits, rungs, and its form in YAML."""

from typing import Any

import pytest
from pydantic import ValidationError
from simulated_search import small_space

from training.yaml_text import format_yaml, parse_yaml
from tuner.space import space_from_mapping


def test_a_space_cannot_be_changed_once_built() -> None:
    with pytest.raises(ValidationError) as caught:
        small_space().search.trials = 3  # type: ignore[misc]
    assert [error["type"] for error in caught.value.errors()] == ["frozen_instance"]


def test_all_trials_share_the_seed_of_the_search_unless_the_file_gives_one() -> None:
    assert small_space().trial_config({}).seed == 3
    assert small_space(trial={"seed": 8}).trial_config({}).seed == 8


def test_a_point_becomes_the_trainers_configuration() -> None:
    config = small_space().trial_config({"alpha": 0.25, "lambda": 2, "bottleneck": 16})
    assert (config.knobs["alpha"], config.knobs["lam"], config.bottleneck, config.epochs) == (0.25, 2.0, 16, 9)


def test_a_space_survives_yaml() -> None:
    space = small_space(search={"start_points": [{"alpha": 0.5, "bottleneck": 16}]})
    again = parse_yaml(format_yaml(space.model_dump(mode="json")))
    assert space_from_mapping(again, "again.yaml") == space


@pytest.mark.parametrize(
    ("spec", "limit"),
    [({}, None), ({"at_least": 0.8}, 0.8), ({"direction": "minimize", "reference": 1, "at_most": 0}, 0.0)],
)
def test_a_limit_reaches_the_objective(spec: dict[str, Any], limit: float | None) -> None:
    assert small_space(objectives={"pgd_accuracy": spec}).objective_list[1].limit == limit


@pytest.mark.parametrize(("every", "rungs"), [(1, ()), (4, (1, 3))])
def test_the_trainer_knows_the_rungs_unless_it_evaluates_after_every_epoch(every: int, rungs: tuple[int, ...]) -> None:
    space = small_space(trial={"eval_every": every})
    assert space.trial_config({"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}).rungs == rungs
