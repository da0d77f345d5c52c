"""A tiny trial configuration and tiny data for it."""

from pathlib import Path
from typing import Any

import torch

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
    """Build the configuration with `changes`; `lam` stands for `lambda`, which is a keyword of Python."""
    values = {"lambda" if key == "lam" else key: value for key, value in changes.items()}
    return parse_trial({**TRIAL, **values})


def write_sealed(path: Path, content: Any) -> None:
    """Write anything as `save_checkpoint` writes a checkpoint: by torch, with the checksum of the whole file."""
    with path.open("w+b") as file:
        torch.save(content, file)
        _seal(file)


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
