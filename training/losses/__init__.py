"""The objectives that a trial can minimise, chosen by name, and their terms."""

import torch

from training.compute.parallel import ALONE, Group
from training.config import TrialConfig
from training.losses.forward_pass import ForwardPass, ModelForwardPass, ModelOutput
from training.losses.gradient_norms import gradient_norms
from training.losses.objective import Batch, Objective, weighted_total
from training.models import Classifier
from training.registry import OBJECTIVES

__all__ = [
    "Batch",
    "ForwardPass",
    "ModelForwardPass",
    "ModelOutput",
    "Objective",
    "build_objective",
    "gradient_norms",
    "weighted_total",
]


def build_objective(
    config: TrialConfig, model: Classifier, training_images: int, generator: torch.Generator, group: Group = ALONE
) -> Objective:
    """Build the objective that `config` names, for `model` and a training set of `training_images` images.

    Its batches are the rows of one process of the `group`. `generator` is on the model's device. If an estimator has
    a network of its own, its weights come from torch's global generator.
    """
    built: Objective = OBJECTIVES[config.objective].build(
        config.values,
        model=model,
        training_images=training_images,
        generator=generator,
        device=generator.device,
        group=group,
    )
    return built
