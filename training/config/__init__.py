"""The configuration of one trial: its keys, their rules, and the presets."""

from training.config.metrics import ACCURACY_SUFFIX, METRICS, is_accuracy, is_chance_level, share_fault
from training.config.parse import field_problems, parse_trial
from training.config.trial import (
    ARCHITECTURES,
    AUGMENTATIONS,
    DATASETS,
    ESTIMATORS,
    HSIC_NORMALISATIONS,
    IDLE_KEYS,
    MEASUREMENT_KEYS,
    OBJECTIVES,
    OPTIMISERS,
    PRECISIONS,
    TERMS,
    TRIAL_KEYS,
    ConfigError,
    TrialConfig,
    file_key,
)

__all__ = [
    "ACCURACY_SUFFIX",
    "ARCHITECTURES",
    "AUGMENTATIONS",
    "DATASETS",
    "ESTIMATORS",
    "HSIC_NORMALISATIONS",
    "IDLE_KEYS",
    "MEASUREMENT_KEYS",
    "METRICS",
    "OBJECTIVES",
    "OPTIMISERS",
    "PRECISIONS",
    "TERMS",
    "TRIAL_KEYS",
    "ConfigError",
    "TrialConfig",
    "field_problems",
    "file_key",
    "is_accuracy",
    "is_chance_level",
    "parse_trial",
    "share_fault",
]
