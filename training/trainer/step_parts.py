"""The parts of a training step that depend on the configuration: the attack, and how the objective sees images."""

import torch

from training.attacks import InnerAttack, InnerAttackSettings
from training.compute.parallel import Group
from training.compute.precision import Arithmetic
from training.config import TrialConfig
from training.losses import ModelForwardPass
from training.models import Classifier


def build_attack(
    config: TrialConfig, model: Classifier, generator: torch.Generator, arithmetic: Arithmetic, group: Group
) -> InnerAttack:
    """Return the attack on `model` that `config` trains against."""
    settings = InnerAttackSettings(
        epsilon=config.epsilon,
        step_size=config.attack_step_size,
        steps=config.attack_steps,
        start=config.attack_start,
        sampled=config.attack_latent == "sample",
        compiled=config.compile == "auto",
    )
    return InnerAttack(model, generator, settings, arithmetic=arithmetic, group=group)


def build_forward_pass(
    config: TrialConfig, model: Classifier, generator: torch.Generator, arithmetic: Arithmetic, group: Group
) -> ModelForwardPass:
    """Return how the objective of `config` sees images through `model`."""
    return ModelForwardPass(
        Classifier(arithmetic.backbone(model.backbone), model.bottleneck, model.head),
        generator,
        joint=config.forward == "joint",
        sampled=config.loss_latent == "sample",
        group=group,
    )
