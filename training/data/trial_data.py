"""From a configuration to its images: find the data set, split it, read only what the split needs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from training.config import TrialConfig
from training.data.cifar import CIFAR10, CIFAR100, Cifar
from training.data.digits import open_digits
from training.data.download import download
from training.data.image_folder import open_folder
from training.data.image_set import ImageSet
from training.data.image_source import DataError, Part, Source
from training.data.mnist import Mnist
from training.data.split import Split, stratified_split

_TORCHVISION_SETS: dict[str, Mnist | Cifar] = {"mnist": Mnist(), "cifar10": CIFAR10, "cifar100": CIFAR100}


@dataclass(frozen=True, eq=False)
class TrialData:
    """What one trial trains and selects on. The test set is no part of it: see `load_test_set`.

    `validation` is shuffled, so that its first n images are a fair sample. Two trials whose `split_digest` is
    equal were validated on the same images, in the same order and with the same labels.
    """

    train: ImageSet
    validation: ImageSet
    class_names: tuple[str, ...]
    split_digest: str

    @property
    def num_classes(self) -> int:
        """Number of classes; labels run from 0 to one less."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), the same for all images."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width


def load_trial_data(config: TrialConfig) -> TrialData:
    """Read the training and the validation part of one trial; the test set stays unread.

    Depends on `dataset`, `data_root`, `validation_fraction`, `train_fraction`, `train_balance`, `train_on`
    and `split_seed` alone. A process keeps what it has read, so that its next trial starts at once. Never
    downloads: raises DataError when data is missing, damaged or too little for the split.
    """
    with _data_root(config) as root:
        source = _kept_source(config.dataset, root, "train")
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
    """Return the memory back in which this process keeps what it has read."""
    _kept_source.cache_clear()


def load_test_set(config: TrialConfig) -> ImageSet:
    """Read the whole test set, for one evaluation after the search. Raises DataError as `load_trial_data`."""
    with _data_root(config) as root:
        source = _kept_source(config.dataset, root, "test")
        return _read(source, torch.arange(len(source.labels)))


def ensure_available(config: TrialConfig) -> None:
    """Make sure that trials will find their data; called once, before the first of them starts.

    Downloads MNIST, CIFAR-10 or CIFAR-100 when they are not on disk. Raises DataError when that fails,
    leaving the disk as it was, and when data on disk is unfit: a part or a class that is missing, an
    unreadable header, another size, too few images for the split. Images of a folder are not decoded here.
    """
    with _data_root(config) as root:
        standard = _TORCHVISION_SETS.get(config.dataset)
        if standard is not None and not _is_on_disk(standard, root):
            try:
                download(standard.name, root)
            except DataError as error:
                raise DataError(f"{_absence(standard, root)} {error}. {_ways_out(standard, root)}") from error
        # Not `_kept_source`: the process that starts the trials has no use for the images.
        _open_source(config.dataset, root, "test")
        _split(_open_source(config.dataset, root, "train"), config)


def _digest(validation: ImageSet, class_names: tuple[str, ...]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the validation images, labels and class names."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    digest.update(validation.labels.numpy().astype("<i8").tobytes())
    digest.update(validation.images.numpy().tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def _data_root(config: TrialConfig) -> Iterator[Path]:
    """Return the absolute data root; what the file system refuses below it becomes a DataError."""
    try:
        yield Path(config.data_root).expanduser().resolve()
    except OSError as error:
        raise DataError(
            f"The data below `data_root` = {config.data_root} cannot be read ({error}). "
            "Set `data_root` to a folder that this user may read."
        ) from error


# Two: the training and the test part of one data set.
@lru_cache(maxsize=2)
def _kept_source(dataset: str, root: Path, part: Part) -> Source:
    return _open_source(dataset, root, part)


def _open_source(dataset: str, root: Path, part: Part) -> Source:
    if dataset == "digits":
        return open_digits(part)
    if dataset == "folder":
        return open_folder(root, part)
    standard = _TORCHVISION_SETS[dataset]
    if not _is_on_disk(standard, root):
        raise DataError(f"{_absence(standard, root)} {_ways_out(standard, root)}")
    source = standard.open(root, part) if standard.is_complete(root) else open_folder(root, part)
    if (len(source.class_names), source.image_shape) != (standard.num_classes, standard.image_shape):
        raise DataError(
            f"The {part} part in {root} has {len(source.class_names)} classes of images {source.image_shape} "
            f"(channels, height, width), but {standard.name} has {standard.num_classes} classes of images "
            f"{standard.image_shape}. Set `data_root` to another folder, or `dataset` to 'folder'."
        )
    return source


def _is_on_disk(standard: Mnist | Cifar, root: Path) -> bool:
    return standard.is_complete(root) or (root / "train").is_dir()


def _absence(standard: Mnist | Cifar, root: Path) -> str:
    return (
        f"{standard.name} is not on disk: looked for all of torchvision's files in {standard.folder(root)} "
        f"and for a folder of images in {root / 'train'}."
    )


def _ways_out(standard: Mnist | Cifar, root: Path) -> str:
    return (
        f"Ways out: put torchvision's files into {standard.folder(root)}; put images as "
        f"{root}/train/CLASS/*.png and {root}/test/CLASS/*.png (or .jpg); set `data_root` to the folder that "
        "has either; or start where the network allows a download."
    )


def _part_of_validation(source: Source, split: Split, config: TrialConfig) -> torch.Tensor:
    """Return as much of every class's validation images as `train_fraction` leaves of its others."""
    labels = source.labels[split.validation]
    members = [split.validation[labels == label] for label in range(len(source.class_names))]
    counts = [round(config.train_fraction * len(found)) for found in members]
    equal = config.train_balance == "equal"
    return torch.cat([m[: min(counts) if equal else n] for m, n in zip(members, counts, strict=True)])


def _split(source: Source, config: TrialConfig) -> Split:
    return stratified_split(
        source.labels,
        source.class_names,
        validation_fraction=config.validation_fraction,
        train_fraction=config.train_fraction,
        seed=config.split_seed,
        equal=config.train_balance == "equal",
    )


def _read(source: Source, indices: torch.Tensor) -> ImageSet:
    return ImageSet(source.images(indices), source.labels[indices])
