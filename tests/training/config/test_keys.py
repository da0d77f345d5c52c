"""The list of all keys."""

from training.config import trial_keys
from training.config.keys import all_keys
from training.registry import OBJECTIVES


def test_every_key_is_listed_with_each_of_its_owners() -> None:
    keys = all_keys()
    assert {key.key for key in keys} == set(trial_keys())
    assert len({(key.key, key.owner) for key in keys}) == len(keys)
    owners = {key.owner for key in keys if key.key == "lambda"}
    assert owners == {f"objective {name}" for name in OBJECTIVES.owners("lambda")}
    assert next(key.default for key in keys if key.key == "epochs") == 120
