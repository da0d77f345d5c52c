"""The private names of Optuna: all in one module, and all there in the installed version."""

import re
from pathlib import Path

from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import NSGAIISampler
from optuna.storages import InMemoryStorage
from optuna.storages._rdb import models

from tuner.optuna_private import contains

ROOT = Path(__file__).parents[2]
NAMES = {
    models: [
        "StudyModel",
        "TrialModel",
        "TrialParamModel",
        "TrialUserAttributeModel",
        "TrialValueModel",
        "StudyUserAttributeModel",
    ],
    models.TrialValueModel: ["value_to_stored_repr"],
    NSGAIISampler: ["_get_generation_key"],
    FloatDistribution: ["_contains", "to_internal_repr"],
    InMemoryStorage: ["_update_cache"],
    InMemoryStorage(): ["_lock", "_studies", "_max_trial_id", "_trial_id_to_study_id_and_number"],
}


def test_the_installed_optuna_has_all_of_them() -> None:
    assert [name for owner, names in NAMES.items() for name in names if not hasattr(owner, name)] == []


def test_no_other_module_uses_them() -> None:
    private = re.compile(r"optuna\.\w+\._|study\._study_id|\._contains|_get_generation_key|\b_rdb\b")
    users = {path.name for path in (ROOT / "tuner").rglob("*.py") if private.search(path.read_text("utf-8"))}
    assert users == {"optuna_private.py"}


def test_values_of_another_type_are_in_no_distribution() -> None:
    assert contains(FloatDistribution(0, 1), 0.5)
    assert not contains(FloatDistribution(0, 1), 1.5)
    assert not contains(FloatDistribution(0, 1), "many")
    assert not contains(CategoricalDistribution([1, 2]), 3)
