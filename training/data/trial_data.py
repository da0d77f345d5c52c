"""Loads the data of a trial: finds the data set of its configuration, splits it and reads what the split needs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from training.config import TrialConfig
from training.data.called import CalledDataSet
from training.data.contents import PartContents, contents_of
from training.data.data_set import DataSet
from training.data.image_set import ImageSet
from training.data.image_source import DataError, ImageSource, Part
from training.data.split import Split, stratified_split
from training.outside_code import line_of
from training.registry import DATASETS


@dataclass(frozen=True, eq=False)
class TrialData:
    """The images that one trial trains on and is selected by, without the test set (see `load_test_set`).

    `validation` is shuffled, so that its first n images are a random sample. Two trials with the same `split_digest`
    were validated on the same images, in the same order and with the same labels.
    """

    train: ImageSet
    validation: ImageSet
    class_names: tuple[str, ...]
    split_digest: str

    @property
    def num_classes(self) -> int:
        """Return the number of classes; labels run from 0 to the number of classes minus 1."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width), the same for all images."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width


def load_trial_data(config: TrialConfig) -> TrialData:
    """Read the training and the validation images of one trial, and nothing of the test set.

    The result depends only on `dataset`, its knobs, `data_root`, `validation_fraction`, `train_fraction`,
    `train_balance`, `train_on` and `split_seed`. The process keeps the images in memory, so that its next
    trial starts at once. It never downloads. Raise DataError if data is missing, damaged or too little for the split.
    """
    with _data_root(config) as root:
        source = _kept_source(*data_set_key(config), root, "train")
        split = _split(source, config)
        validation = _read(source, split.validation)
        trained = split.train
        if config.train_on == "train_and_validation":
            trained = torch.cat([trained, _part_of_validation(source, split, config)]).sort().values
        return TrialData(
            train=_read(source, trained),
            validation=validation,
            class_names=source.class_names,
            split_digest=_digest(validation, source.class_names),
        )


def forget_data() -> None:
    """Free the memory in which this process keeps the images of earlier trials."""
    _kept_source.cache_clear()


def load_test_set(config: TrialConfig) -> ImageSet:
    """Read the whole test set, for one evaluation after the search. Raise DataError as `load_trial_data` does."""
    with _data_root(config) as root:
        source = _kept_source(*data_set_key(config), root, "test")
        return _read(source, torch.arange(len(source.labels)))


def is_available(config: TrialConfig) -> bool:
    """Return whether the data set is on disk, without reading its images."""
    return _data_set(*data_set_key(config)).is_available(Path(config.data_root).expanduser().resolve())


def must_be_downloaded(config: TrialConfig) -> bool:
    """Return whether the data set is one that is downloaded, and is not on disk yet; no image is read."""
    return _data_set(*data_set_key(config)).is_downloaded and not is_available(config)


def ensure_available(config: TrialConfig) -> list[PartContents]:
    """Check that trials will find their data, and download it if necessary. Call it once, before the first trial.

    Return what the training and the test part contain.
    Data sets of torchvision are downloaded if they are not on disk. Raise DataError if the download fails, and
    leave the disk unchanged; also if the data on disk cannot be used: a part or class is missing, a header is
    unreadable, a size differs, or there are too few images for the split. Images of a folder are not decoded here,
    except those whose header says that they may be transparent.
    """
    with _data_root(config) as root, _explained(config.dataset):
        data_set = _data_set(*data_set_key(config))
        data_set.fetch(root)
        # Not `_kept_source`: the process that starts the trials does not need the images.
        test, train = data_set.open(root, "test"), data_set.open(root, "train")
        _split(train, config)
        return [contents_of(train, "train"), contents_of(test, "test")]


def shown_name(config: TrialConfig) -> str:
    """Return the name of the data set for titles and records: `cifar10`, or `cifar10 (JPEG copy)` of a copy.

    Figures on a copy do not compare with published ones. Raise DataError as `load_trial_data` does.
    """
    with _data_root(config) as root:
        copy = _data_set(*data_set_key(config)).copy_in(root)
    return f"{config.dataset} ({copy})" if copy else config.dataset


def part_contents(config: TrialConfig, part: Part) -> PartContents:
    """Count the images of one part, which must be on disk. Raise DataError as `load_trial_data` does.

    A part that this process has already loaded is not opened again.
    """
    with _data_root(config) as root:
        return contents_of(_kept_source(*data_set_key(config), root, part), part)


def data_set_key(config: TrialConfig) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """Return the name of a configuration's data set and its knobs, which say what it contains."""
    knobs = DATASETS[config.dataset].knobs
    return config.dataset, tuple((name, config.knobs[name]) for name in knobs)


def _digest(validation: ImageSet, class_names: tuple[str, ...]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 hash of validation images, labels and class names."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    digest.update(validation.labels.numpy().astype("<i8").tobytes())
    digest.update(validation.images.numpy().tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def _data_root(config: TrialConfig) -> Iterator[Path]:
    """Yield the absolute data root and convert an OSError in the block to a DataError."""
    try:
        yield Path(config.data_root).expanduser().resolve()
    except OSError as error:
        raise DataError(
            f"The data in `data_root` = {config.data_root} cannot be read ({error}). "
            "Set `data_root` to a folder that this user may read.",
            "data_root",
        ) from error


# Two entries: the training and the test part of one data set.
@lru_cache(maxsize=2)
def _kept_source(dataset: str, knobs: tuple[tuple[str, Any], ...], root: Path, part: Part) -> ImageSource:
    return _data_set(dataset, knobs).open(root, part)


def _data_set(dataset: str, knobs: tuple[tuple[str, Any], ...]) -> DataSet:
    entry = DATASETS[dataset]
    if not entry.is_own:
        return CalledDataSet(entry, dict(knobs))
    found: DataSet = entry.build(dict(knobs))
    return found


@contextmanager
def _explained(dataset: str) -> Iterator[None]:
    """Raise DataError with the file and the line if a data set from outside raises another error in the block."""
    try:
        yield
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        entry = DATASETS[dataset]
        if entry.is_own:
            raise
        where = line_of(error, entry.target.__module__)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise DataError(f"The data set {dataset} fails ({where}: {reason}).", dataset) from error


def _part_of_validation(source: ImageSource, split: Split, config: TrialConfig) -> torch.Tensor:
    """Return the validation images to train on: of each class the share `train_fraction`, as of the other images."""
    labels = source.labels[split.validation]
    members = [split.validation[labels == label] for label in range(len(source.class_names))]
    counts = [round(config.train_fraction * len(found)) for found in members]
    equal = config.train_balance == "equal"
    return torch.cat([m[: min(counts) if equal else n] for m, n in zip(members, counts, strict=True)])


def _split(source: ImageSource, config: TrialConfig) -> Split:
    return stratified_split(
        source.labels,
        source.class_names,
        validation_fraction=config.validation_fraction,
        train_fraction=config.train_fraction,
        seed=config.split_seed,
        equal=config.train_balance == "equal",
    )


def _read(source: ImageSource, indices: torch.Tensor) -> ImageSet:
    return ImageSet(source.images(indices), source.labels[indices])
