"""The model of an evaluation, from a checkpoint or from another program, and the checks that it fits its images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.attacks import AttackError, frozen
from training.attacks.adversary import count_classes
from training.compute.numerics import exact_float32, no_autocast, repeatable_convolutions
from training.config import ConfigError, TrialConfig, parse_trial
from training.data import DataError, ImageSet, ensure_available, load_test_set, part_contents, shown_name
from training.data.array_file import ArrayFile
from training.data.augment import to_unit
from training.data.contents import contents_of
from training.data.image_source import InMemorySource
from training.evaluation.checks import require_gradients, require_sound_model
from training.evaluation.latent import LatentMode, model_in_mode
from training.evaluation.outside_model import OutsideModel, OutsideModelError
from training.evaluation.trained_model import TrainedModel, description
from training.models.weights_file import WeightsError, read_tensors, states_in
from training.trainer.checkpoint import CheckpointError, find_checkpoint, read_checkpoint

_TRIED_IMAGES = 8


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class EvaluatedModel:
    """A classifier to evaluate, and what the evaluation says of it.

    The logits are in the order of `class_names`, None if nobody knows them. `title` is for the terminal and `record`
    for the file of the results. `identity` is what an interrupted evaluation compares beside the weights. The results
    lie in `folder` by default, in one whose name has the `label`.
    """

    model: nn.Module
    classes: int
    class_names: tuple[str, ...] | None
    title: str
    record: Mapping[str, Any]
    identity: Mapping[str, Any]
    folder: Path
    label: str

    def to(self, device: torch.device) -> "EvaluatedModel":
        """Return the same model on `device`, in eval mode."""
        return replace(self, model=self.model.to(device).eval())


@dataclass(frozen=True, eq=False, slots=True)
class ChosenData:
    """All images of an evaluation, what to print of them, and the names of the classes of their data set, if known.

    `shown_name` is that of the data set, with what a copy of a published one is; of a file it is the path.
    """

    name: str
    images: ImageSet
    lines: list[str]
    class_names: tuple[str, ...] | None
    shown_name: str


def config_of_checkpoint(path: Path) -> TrialConfig:
    """Return the configuration of a checkpoint, a file or a folder.

    Raise CheckpointError as `read_checkpoint` does; for the weights of another program it tells how to evaluate them.
    """
    try:
        return read_checkpoint(find_checkpoint(path))[0]
    except CheckpointError as error:
        if path.is_file() and _is_state_dict(path):
            raise CheckpointError(
                f"{path} holds weights of another program, not a checkpoint of training.run. Name what builds the model"
                f" as well: --model my_models:build --weights {path} --dataset NAME.",
                (path, "--model"),
            ) from error
        raise


def config_of_data(dataset: str, image_size: int | None) -> TrialConfig:
    """Return a configuration that only says where the data are. Raise DataError for an unknown data set.

    `image_size` is None for a data set without this key.
    """
    size = {} if image_size is None else {"image_size": image_size}
    try:
        return parse_trial({"dataset": dataset, **size})
    except ConfigError as error:
        reasons = "; ".join(f"{key}: {message}" if key in size else message for key, message in error.problems)
        raise DataError(f"The data set cannot be used: {reasons}.", "--dataset") from error


def data_to_attack(config: TrialConfig, file: Path | None) -> ChosenData:
    """Read the test set of a configuration, or the arrays of `file`. Raise DataError if that fails."""
    if file is not None:
        return _data_of_file(file)
    ensure_available(config)
    images, contents = load_test_set(config), part_contents(config, "test")
    shown = shown_name(config)
    lines = [] if shown == config.dataset else [f"data: {shown}; its figures do not compare with published ones"]
    return ChosenData(config.dataset, images, [*contents.lines, *lines], tuple(contents.images_by_class), shown)


def _data_of_file(path: Path) -> ChosenData:
    file = ArrayFile.open(path)
    images = file.image_set()
    names = file.class_names(int(images.labels.max()) + 1)
    shape = tuple(images.images.shape[1:])
    lines = [f"{path}: {len(images):,} images {shape}, labels up to {images.labels.max()}"]
    if names is not None:
        lines += contents_of(InMemorySource(names, images.labels, images.images), "test").lines
    return ChosenData(path.stem, images, lines, names, str(path))


def logits_remark(classes: int, data: ChosenData) -> list[str]:
    """Return a sentence if a model has more logits than the data have classes, as far as these are known."""
    known = int(data.images.labels.max()) + 1 if data.class_names is None else len(data.class_names)
    if classes <= known:
        return []
    text = (
        f"remark: the model has {classes} logits, but the images have {known} classes. A prediction of another class"
        " counts as wrong, and attacks use these classes, too: the figures do not compare with those of a model of"
        f" {known} classes."
    )
    return [text]


def from_checkpoint(trained: TrainedModel) -> EvaluatedModel:
    """Return the model of a checkpoint, whose results lie beside it."""
    return EvaluatedModel(
        model=trained.model,
        classes=trained.classes,
        class_names=trained.class_names,
        title=f"{trained.path}, epoch {trained.epoch}",
        record=description(trained),
        identity={},
        folder=trained.path.parent,
        label="-".join(filter(None, (trained.path.stem, trained.select))),
    )


def from_outside(found: OutsideModel, data: ChosenData, latent: LatentMode, device: torch.device) -> EvaluatedModel:
    """Move a model of another program to `device`, try it on a few images, and return it.

    Its results lie beside its weights, or in the current folder. Raise OutsideModelError or AttackError unless it
    returns finite logits of the classes of the data, with gradients, and the same ones twice.
    """
    origin, model = found.origin, found.model.to(device)
    images = to_unit(data.images.images[:_TRIED_IMAGES]).contiguous().to(device)
    classes = _try(str(origin["model"]), model, images, latent)
    highest = int(data.images.labels.max())
    known = None if data.class_names is None else len(data.class_names)
    if known not in (None, classes) or highest >= classes:
        count = f"{known} classes" if known is not None else f"the label {highest}"
        raise OutsideModelError(
            f"The model {origin['model']} has {classes} classes, but the data have {count}: name the data set that it"
            " was trained on.",
            classes,
        )
    weights = origin["weights_file"]
    label = f"{origin['model'] if weights is None else Path(weights).stem}-{data.name}"
    return EvaluatedModel(
        model=model,
        classes=classes,
        class_names=data.class_names,
        title=f"{origin['model']} in {origin['model_file']} (source {origin['source_hash']}), "
        + ("weights as it sets them" if weights is None else f"weights {weights}"),
        record=origin,
        identity={key: origin[key] for key in origin.keys() - {"model_file", "weights_file"}},
        folder=Path() if weights is None else Path(weights).parent,
        label=label.replace(":", ".").replace("/", "-"),
    )


def _try(name: str, model: nn.Module, images: torch.Tensor, latent: LatentMode) -> int:
    """Return the number of classes of a model that can be attacked."""
    shape, device = tuple(images.shape), images.device
    attacked = model_in_mode(model, latent, device)
    try:
        with frozen(model), exact_float32(), repeatable_convolutions(), no_autocast(device):
            classes = count_classes(attacked, images)
            _require_rows(attacked, images, classes)
            require_gradients(attacked, images)
            require_sound_model(attacked, images, deterministic=latent.deterministic)
    except AttackError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise OutsideModelError(f"The model {name} cannot process images {shape} ({reason}).", "--model") from error
    return classes


def _require_rows(model: nn.Module, images: torch.Tensor, classes: int) -> None:
    with torch.no_grad():
        found = tuple(model(images).shape)
    if found != (len(images), classes):
        rule = f"must return logits {(len(images), classes)}"
        raise AttackError(f"The model returns {found} for images {tuple(images.shape)}, but {rule}.", found)


def _is_state_dict(path: Path) -> bool:
    try:
        return states_in(read_tensors(path)) is not None
    except WeightsError:
        return False
