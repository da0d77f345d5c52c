"""The list of all keys."""

from training.config import trial_keys
from training.config.keys import all_keys
from training.registry import ESTIMATORS, OBJECTIVES


def test_every_key_is_listed_with_each_of_its_owners() -> None:
    keys = all_keys()
    assert {key.key for key in keys} == set(trial_keys())
    assert len({(key.key, key.owner) for key in keys}) == len(keys)
    owners = {key.owner for key in keys if key.key == "lambda"}
    assert owners == {f"objective {name}" for name in OBJECTIVES.owners("lambda")}
    assert next(key.default for key in keys if key.key == "epochs") == 120


def test_every_knob_of_the_project_s_objectives_and_estimators_says_where_its_default_comes_from() -> None:
    owners = ("objective ", "information_estimator ")
    knobs = [key for key in all_keys() if key.owner.startswith(owners) and is_own(key.owner.partition(" ")[2])]
    assert {key.key for key in knobs} >= {"alpha", "lambda", "max_margin", "hsic_width"}
    assert all(key.source for key in knobs)


def is_own(name: str) -> bool:
    return any(name in registry and registry[name].is_own for registry in (OBJECTIVES, ESTIMATORS))
