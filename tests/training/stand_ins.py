"""A tiny trial configuration, tiny data for it, and what tests compare of trained models."""

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from training.config import TrialConfig, parse_trial
from training.data import ImageSet, TrialData
from training.trainer.checkpoint import _seal

TRIAL = {
    "dataset": "digits",
    "architecture": "digits_cnn",
    "augmentation": "none",
    "bottleneck": 4,
    "epochs": 4,
    "batch_size": 16,
    "hsic_neighbours": 3,
    "epsilon": 0.1,
    "attack_steps": 2,
    "attack_step_size": 0.05,
    "eval_attack_steps": 3,
    "eval_attack_step_size": 0.04,
    "eval_batch_size": 13,
}


def make_config(**changes: Any) -> TrialConfig:
    """Build the configuration with `changes`; `lam` stands for `lambda`, which is a keyword of Python.

    HSIC has its own default number of neighbours if the objective or the estimator is among the changes.
    """
    values = {"lambda" if key == "lam" else key: value for key, value in changes.items()}
    without_hsic = "objective" in changes or "information_estimator" in changes
    known = {key: value for key, value in TRIAL.items() if not (without_hsic and key.startswith("hsic_"))}
    return parse_trial({**known, **values})


def ignore(_epoch: int, _metrics: Mapping[str, float], _save: Callable[[Path], None]) -> None:
    """Do nothing with the report of an epoch."""


def without_seconds(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the metrics of each epoch that two equal trainings have in common."""
    return [{key: value for key, value in metrics.items() if key != "seconds"} for metrics in history]


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Return whether all weights and buffers of two models are equal bit for bit."""
    expected = other.state_dict()
    return all(torch.equal(value, expected[key]) for key, value in one.state_dict().items())


def random_states() -> tuple[object, ...]:
    """Return the states of the global generators of torch, Python and NumPy."""
    numpy = np.random.get_state()[1]  # type: ignore[index] # noqa: NPY002
    return torch.get_rng_state().tolist(), random.getstate(), numpy.tolist()


def write_sealed(path: Path, content: Any) -> None:
    """Write anything as `save_checkpoint` writes a checkpoint: by torch, with the checksum of the whole file."""
    with path.open("w+b") as file:
        torch.save(content, file)
        _seal(file)


def words_in(text: str, known: Collection[str]) -> list[str]:
    """Return the words of a text that are among the `known` names and numbers, in their order."""
    return [word for word in re.findall(r"\w+(?:\.\w+)*", text) if word in known]


def make_data(*, side: int = 8, train: int = 70, digest: str = "made") -> TrialData:
    """Draw noisy images of 4 classes, each class bright in a quarter of its own; 30 are for validation."""
    generator = torch.Generator().manual_seed(7)
    return TrialData(
        train=_draw(train, side, generator),
        validation=_draw(30, side, generator),
        class_names=tuple("abcd"),
        split_digest=digest,
    )


def _draw(count: int, side: int, generator: torch.Generator) -> ImageSet:
    labels = torch.arange(count) % 4
    images = torch.randint(0, 120, (count, 1, side, side), generator=generator, dtype=torch.uint8)
    half = side // 2
    for image, label in zip(images, labels.tolist(), strict=True):
        top, left = half * (label // 2), half * (label % 2)
        image[0, top : top + half, left : left + half] += 100
    return ImageSet(images, labels)
