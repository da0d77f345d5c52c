"""The stratified, seeded split of a training set into training and validation part."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.source import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into the whole training set: `train` ascending, `validation` shuffled, both (m,) int64."""

    train: Tensor
    validation: Tensor


def stratified_split(
    labels: Tensor,
    class_names: tuple[str, ...],
    *,
    validation_fraction: float,
    train_fraction: float,
    seed: int,
) -> Split:
    """Split the indices of `labels` (n,) class by class.

    Of a class with n images round(validation_fraction * n) are validation, and round(train_fraction * rest)
    of the rest are kept for training: each at least one, and validation never the whole class. The validation
    part does not depend on `train_fraction`, and a smaller `train_fraction` keeps a subset of a larger one's
    images. Random numbers come from `seed` alone. Raises DataError when a class has fewer than 2 images.
    """
    rng = np.random.default_rng(seed)
    train, validation = [], []
    for label, name in enumerate(class_names):
        members = rng.permutation(np.flatnonzero(labels.numpy() == label))
        if len(members) < 2:
            raise DataError(
                f"Class {name!r} has {len(members)} training image(s), but needs at least 2: one to train on "
                "and one for validation. Add images to the class or remove it."
            )
        held_out = min(_share(validation_fraction, len(members)), len(members) - 1)
        rest = members[held_out:]
        validation.append(members[:held_out])
        train.append(rest[: _share(train_fraction, len(rest))])
    return Split(
        train=torch.from_numpy(np.sort(np.concatenate(train))),
        validation=torch.from_numpy(rng.permutation(np.concatenate(validation))),
    )


def _share(fraction: float, count: int) -> int:
    return max(1, round(fraction * count))
