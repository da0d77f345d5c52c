"""Loads a trained classifier from a checkpoint, and checks that images have its classes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training.config import ConfigError, TrialConfig
from training.data import ImageSet
from training.data.class_names import naming_difference
from training.models import Classifier, build_model
from training.trainer.checkpoint import BEST_NAME, CheckpointError, find_checkpoint, read_checkpoint
from training.trainer.selected_epoch import selected_weights


@dataclass(frozen=True, eq=False, slots=True)
class TrainedModel:
    """A classifier with its configuration, the `path` of its checkpoint and the number of `epoch`s it was trained.

    `select` is what a caller asked for in place of what the training selects: `last`, `best` or None.

    `class_names` are those of its training images, in the order of the logits.
    """

    model: Classifier
    config: TrialConfig
    path: Path
    epoch: int
    class_names: tuple[str, ...]
    select: str | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def to(self, device: torch.device) -> "TrainedModel":
        """Return the same trained model on `device`, in eval mode."""
        return replace(self, model=self.model.to(device).eval())


def load_model(path: Path, image_shape: tuple[int, int, int], select: str | None = None) -> TrainedModel:
    """Build the classifier of a checkpoint, a file or a folder, for images of `image_shape` (channels, height, width).

    Its weights are those of the epoch that the training selects, or of the `last` or the `best` one as `select` says.
    Raise CheckpointError if the file is missing or damaged, has no weights of that epoch, or if they do not fit its
    configuration or such images.
    """
    file = find_checkpoint(path)
    if select == "best" and (path / BEST_NAME).is_file():
        file = path / BEST_NAME
    config, state = read_checkpoint(file)
    if not isinstance(state.get("model"), dict):
        raise CheckpointError(f"{file} has no classifier `model`; name a checkpoint of a training.", (file, "model"))
    weights, epoch = selected_weights(config, state, select)
    names = state.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        rule = "must have the names of its classes: use the version that wrote it, or train again"
        raise CheckpointError(f"{file} has the class_names {names!r:.60}, but {rule}.", (file, "class_names"))
    classes = len(names)
    try:
        with torch.random.fork_rng(devices=[]):
            model = build_model(config, classes, image_shape)
        model.load_state_dict(weights)
    except (ConfigError, RuntimeError) as error:
        raise CheckpointError(
            f"The weights in {file} do not fit the architecture {config.architecture} with {classes} classes and images"
            f" {image_shape}: {_first_line(error)} Name a checkpoint and data that belong together.",
            (file, "architecture"),
        ) from error
    return TrainedModel(model.eval(), config, file, epoch, tuple(names), select)


def require_classes(images: ImageSet, class_names: Sequence[str] | None, trained: TrainedModel) -> None:
    """Raise CheckpointError if the images have other classes than the model.

    `class_names` are those of the images, and None if nobody knows them: then each label must be one of the model.
    """
    if class_names is not None and (difference := naming_difference(class_names, trained.class_names)):
        raise CheckpointError(
            f"The test set has other classes than the training images of {trained.path}. It has {difference}. Name the"
            " data set that the model was trained on, or bring the names of the classes into its order.",
            (trained.path, "class_names"),
        )
    highest = int(images.labels.max())
    if highest >= trained.classes:
        raise CheckpointError(
            f"The test set has a label {highest}, but the model in {trained.path} knows 0 to {trained.classes - 1};"
            " name the data set that it was trained on.",
            highest,
        )


def description(trained: TrainedModel) -> dict[str, Any]:
    """Return the description of the model for the record of an evaluation."""
    return {
        "checkpoint": str(trained.path),
        "epoch": trained.epoch,
        "architecture": trained.config.architecture,
        "dataset": trained.config.dataset,
        "class_names": list(trained.class_names),
        "config": trained.config.to_mapping(),
    }


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)] if lines else type(error).__name__
