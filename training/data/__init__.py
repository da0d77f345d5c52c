"""The data of a trial as uint8 tensors: image sources, the validation split and batched augmentation."""

from training.data.augment import random_crop_flip, to_unit
from training.data.image_set import ImageSet
from training.data.image_source import DataError
from training.data.trial_data import (
    NOT_READ,
    TrialData,
    describe_data,
    ensure_available,
    forget_data,
    is_available,
    load_test_set,
    load_trial_data,
)

__all__ = [
    "NOT_READ",
    "DataError",
    "ImageSet",
    "TrialData",
    "describe_data",
    "ensure_available",
    "forget_data",
    "is_available",
    "load_test_set",
    "load_trial_data",
    "random_crop_flip",
    "to_unit",
]
