"""The stratified, seeded split of a training set into a training and a validation part."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.image_source import DataError, Part

TEST_FRACTION = 0.2
# A constant, not a setting, so that searches with a different `split_seed` have the same test set.
TEST_SEED = 1797


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into the whole training set: `train` in ascending order, `validation` shuffled, each (m,) int64."""

    train: Tensor
    validation: Tensor


def stratified_split(
    labels: Tensor,
    class_names: tuple[str, ...],
    *,
    validation_fraction: float,
    train_fraction: float,
    seed: int,
    equal: bool = False,
) -> Split:
    """Split the indices of `labels` (n,) class by class.

    A class with n images gets round(validation_fraction * n) validation images, but at least one and never the whole
    class; of the remaining images it keeps round(train_fraction * remaining), but at least one, for training. With
    `equal` every class keeps as many as the class with the fewest. The validation part does not depend on
    `train_fraction` or `equal`. A smaller `train_fraction` keeps a subset of the images of a larger one. Random numbers
    depend only on `seed`. Raise DataError if a class has fewer than 2 images.
    """
    rng = np.random.default_rng(seed)
    rests, validation = [], []
    for label, name in enumerate(class_names):
        members = rng.permutation(np.flatnonzero(labels.numpy() == label))
        if len(members) < 2:
            raise DataError(
                f"Class {name!r} has {len(members)} training image(s), but needs at least 2: one to train on "
                "and one for validation. Add images to the class or remove it.",
                name,
            )
        held_out = min(_share(validation_fraction, len(members)), len(members) - 1)
        rests.append(members[held_out:])
        validation.append(members[:held_out])
    kept = [_share(train_fraction, len(rest)) for rest in rests]
    train = [rest[: min(kept) if equal else count] for rest, count in zip(rests, kept, strict=True)]
    return Split(
        train=torch.from_numpy(np.sort(np.concatenate(train))),
        validation=torch.from_numpy(rng.permutation(np.concatenate(validation))),
    )


def part_of_one_set(labels: Tensor, class_names: tuple[str, ...], part: Part) -> Tensor:
    """Return the indices of one part of a data set that has no test part of its own, (m,) int64.

    A stratified fifth of the images is the test part, the same in every search. Raise DataError as `stratified_split`.
    """
    split = stratified_split(labels, class_names, validation_fraction=TEST_FRACTION, train_fraction=1.0, seed=TEST_SEED)
    return split.train if part == "train" else split.validation


def _share(fraction: float, count: int) -> int:
    return max(1, round(fraction * count))
