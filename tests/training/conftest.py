"""Small stand-ins for a trial's configuration and data."""

from typing import Any, Protocol

import pytest
import torch
from hypothesis import settings

from training.config import TrialConfig
from training.data import ImageSet, TrialData

# The first example pays for torch's start-up, and the machine may be busy: time says nothing about a property.
settings.register_profile("training", deadline=None)
settings.load_profile("training")

# The tensors of these tests are too small to share among threads.
torch.set_num_threads(1)


class MakeConfig(Protocol):
    def __call__(self, **changes: Any) -> TrialConfig: ...


class MakeData(Protocol):
    def __call__(self, *, side: int = ..., train: int = ..., digest: str = ...) -> TrialData: ...


@pytest.fixture
def make_config() -> MakeConfig:
    """A tiny trial; `lam` stands for `lambda`, which is no identifier."""
    base = {
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

    def make(**changes: Any) -> TrialConfig:
        return TrialConfig.from_mapping(
            {**base, **{"lambda" if key == "lam" else key: value for key, value in changes.items()}}
        )

    return make


@pytest.fixture
def make_data() -> MakeData:
    """Images of 4 classes, each class bright in its own quarter, under noise."""

    def make(*, side: int = 8, train: int = 70, digest: str = "made") -> TrialData:
        generator = torch.Generator().manual_seed(7)

        def draw(count: int) -> ImageSet:
            labels = torch.arange(count) % 4
            images = torch.randint(0, 120, (count, 1, side, side), generator=generator, dtype=torch.uint8)
            half = side // 2
            for image, label in zip(images, labels.tolist(), strict=True):
                top, left = half * (label // 2), half * (label % 2)
                image[0, top : top + half, left : left + half] += 100
            return ImageSet(images, labels)

        return TrialData(
            train=draw(train), validation=draw(30), class_names=tuple("abcd"), split_digest=digest
        )

    return make
