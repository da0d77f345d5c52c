"""What both sides train: a configuration, images of its shape, and the floating-point operations of a step."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from training.config import TrialConfig, parse_trial
from training.data import ImageSet, TrialData
from training.models import build_model

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
    """Count a training step: K attack steps (forward, input gradient), and two images forward and backward.

    torch counts them on the network itself; a multiplication and its addition count as two. The head and the losses,
    which are left out, are below 0.1 %.
    """
    model = build_model(work.config, CLASSES, work.shape)
    image = torch.rand(2, *work.shape)
    attack = _counted(model, image, weights=False)
    train = _counted(model, image, weights=True)
    return work.config.batch_size / 2 * (work.config.attack_steps * attack + 2 * train)


def _counted(model: nn.Module, image: Tensor, *, weights: bool) -> float:
    model.requires_grad_(weights)
    leaf = image.clone().requires_grad_(not weights)
    with FlopCounterMode(display=False) as counter:
        model(leaf).sum().backward()
    return float(counter.get_total_flops())


def _draw(count: int, shape: tuple[int, int, int], generator: torch.Generator) -> ImageSet:
    images = torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.randint(0, CLASSES, (count,), generator=generator))
