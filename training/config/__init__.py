"""The configuration of one trial: its keys, their rules, and the presets."""

from training.config.metrics import ACCURACY_SUFFIX, METRICS, is_accuracy, is_chance_level, share_fault
from training.config.parse import defaults_of, field_problems, foreign_keys, own_value, parse_trial, sources_in
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
    "own_value",
    "parse_trial",
    "share_fault",
    "sources_in",
    "trial_keys",
]
