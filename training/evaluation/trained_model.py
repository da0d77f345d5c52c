"""Loads a trained classifier from a checkpoint, and the images to evaluate it on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.config import ConfigError, TrialConfig
from training.data import ImageSet, ensure_available, load_test_set
from training.models import Classifier, build_model
from training.trainer.checkpoint import CheckpointError, find_checkpoint, read_checkpoint


@dataclass(frozen=True, eq=False, slots=True)
class TrainedModel:
    """A classifier with its configuration, the `path` of its checkpoint and the number of `epoch`s it was trained."""

    model: Classifier
    config: TrialConfig
    path: Path
    epoch: int
    classes: int

    def to(self, device: torch.device) -> "TrainedModel":
        """Return the same trained model on `device`, in eval mode."""
        return replace(self, model=self.model.to(device).eval())


def load_model(path: Path, image_shape: tuple[int, int, int]) -> TrainedModel:
    """Build the classifier of a checkpoint, a file or a folder, for images of `image_shape` (channels, height, width).

    Raise CheckpointError if the file is missing or damaged, or if its weights do not fit its configuration or such
    images.
    """
    file = find_checkpoint(path)
    config, state = read_checkpoint(file)
    weights = state.get("model")
    head = weights.get("head.weight") if isinstance(weights, dict) else None
    if not isinstance(weights, dict) or not isinstance(head, Tensor):
        raise CheckpointError(f"{file} has no classifier `model`; name a checkpoint of a training.", (file, "model"))
    classes = len(head)
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
    return TrainedModel(model.eval(), config, file, int(state["epoch"]), classes)


def load_test_images(path: Path, *, data_root: str | None = None) -> ImageSet:
    """Read the whole test set of a checkpoint's configuration; `data_root` replaces the folder in the configuration.

    Raise CheckpointError if the file cannot be used, and DataError if the data is missing or damaged.
    """
    config, _ = read_checkpoint(find_checkpoint(path))
    if data_root is not None:
        config = replace(config, data_root=data_root)
    ensure_available(config)
    return load_test_set(config)


def require_labels(images: ImageSet, trained: TrainedModel) -> None:
    """Raise CheckpointError if an image has a class that the model does not know."""
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
        "config": trained.config.to_mapping(),
    }


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)] if lines else type(error).__name__
