"""The configuration of one trial: its keys, their rules, and the presets."""

from training.config.metrics import (
    ACCURACIES,
    ACCURACY_SUFFIX,
    ALWAYS_REPORTED,
    BEST_EPOCH,
    LAST,
    SELECTION,
    computed_metrics,
    is_accuracy,
    is_chance_level,
    metric_fault,
    share_fault,
    unit_of,
    usual_direction,
)
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
    "ACCURACIES",
    "ACCURACY_SUFFIX",
    "ALWAYS_REPORTED",
    "BEST_EPOCH",
    "IDLE_KEYS",
    "LAST",
    "MEASUREMENT_KEYS",
    "OPTIMISERS",
    "PRECISIONS",
    "SELECTION",
    "ConfigError",
    "TrialConfig",
    "computed_metrics",
    "defaults_of",
    "field_problems",
    "file_key",
    "foreign_keys",
    "is_accuracy",
    "is_chance_level",
    "metric_fault",
    "own_value",
    "parse_trial",
    "share_fault",
    "sources_in",
    "trial_keys",
    "unit_of",
    "usual_direction",
]
