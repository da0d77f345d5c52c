"""The configuration of one trial: its keys, their rules, and the presets."""

from training.config.metrics import ACCURACY_SUFFIX, METRICS, is_accuracy, is_chance_level, share_fault
from training.config.parse import defaults_of, field_problems, foreign_keys, parse_trial
from training.config.trial import (
    IDLE_KEYS,
    MEASUREMENT_KEYS,
    OPTIMISERS,
    PRECISIONS,
    ConfigError,
    TrialConfig,
    trial_keys,
)
from training.registry import file_key

__all__ = [
    "ACCURACY_SUFFIX",
    "IDLE_KEYS",
    "MEASUREMENT_KEYS",
    "METRICS",
    "OPTIMISERS",
    "PRECISIONS",
    "ConfigError",
    "TrialConfig",
    "defaults_of",
    "field_problems",
    "file_key",
    "foreign_keys",
    "is_accuracy",
    "is_chance_level",
    "parse_trial",
    "share_fault",
    "trial_keys",
]
