"""What both sides train: a configuration, images of its shape, and the floating-point operations of a step."""

from dataclasses import dataclass, replace

import torch

from training.config import TrialConfig, parse_trial
from training.data import ImageSet, TrialData
from training.models.operations import operations_of

CLASSES = 10
_SHAPES = {"digits_cnn": (1, 8, 8), "cnn4": (1, 28, 28)}
_TRAINING_IMAGES = {"digits_cnn": 1_078, "cnn4": 54_000}


@dataclass(frozen=True)
class Work:
    """One architecture at one batch size; `images` is the number of training images of its data set."""

    config: TrialConfig
    shape: tuple[int, int, int]
    images: int

    def data(self, steps: int) -> TrialData:
        """Draw images for `steps` steps; their content does not change what a step costs."""
        generator = torch.Generator().manual_seed(0)
        train = _draw(steps * self.config.batch_size, self.shape, generator)
        return TrialData(train, _draw(16, self.shape, generator), tuple("abcdefghij"), "drawn")

    def with_precision(self, precision: str) -> "Work":
        """Return the same work in another precision."""
        return replace(self, config=replace(self.config, precision=precision))


def work_for(architecture: str, batch_size: int, attack_steps: int) -> Work:
    """Return the work of shared information with PGD of `attack_steps` steps, on the architecture's data set."""
    shape = _SHAPES.get(architecture, (3, 32, 32))
    config = parse_trial(
        {
            "architecture": architecture,
            "batch_size": batch_size,
            "hsic_neighbours": min(10, batch_size - 1),
            "attack_steps": attack_steps,
            "augmentation": "crop_flip" if shape[0] == 3 else "none",
            "epochs": 1000,
            "eval_attack_steps": 1,
            "precision": "fp32",
        }
    )
    return Work(config, shape, _TRAINING_IMAGES.get(architecture, 45_000))


def flops_of_step(work: Work) -> float:
    """Count the floating-point operations of a training step; see `operations_of`."""
    return work.config.batch_size * operations_of(work.config, CLASSES, work.shape).trained


def _draw(count: int, shape: tuple[int, int, int], generator: torch.Generator) -> ImageSet:
    images = torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.randint(0, CLASSES, (count,), generator=generator))
