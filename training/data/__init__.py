"""The data of a trial as uint8 tensors: image sources, the validation split and batched augmentation."""

from training.data.augment import random_crop_flip, to_unit
from training.data.contents import PartContents, lines_of
from training.data.image_set import ImageSet
from training.data.image_source import DataError
from training.data.trial_data import (
    TrialData,
    data_set_key,
    ensure_available,
    forget_data,
    is_available,
    load_test_set,
    load_trial_data,
    must_be_downloaded,
    part_contents,
    shown_name,
)

__all__ = [
    "DataError",
    "ImageSet",
    "PartContents",
    "TrialData",
    "data_set_key",
    "ensure_available",
    "forget_data",
    "is_available",
    "lines_of",
    "load_test_set",
    "load_trial_data",
    "must_be_downloaded",
    "part_contents",
    "random_crop_flip",
    "shown_name",
    "to_unit",
]
