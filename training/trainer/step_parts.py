"""The parts of a training step that depend on the configuration: the attack, and how the objective sees images."""

import torch

from training.attacks import InnerAttack, InnerAttackSettings
from training.compute.compiled_backbone import CompiledBackbone
from training.compute.parallel import Group
from training.compute.precision import Arithmetic
from training.config import TrialConfig
from training.losses import ModelForwardPass
from training.models import Classifier
from training.trainer.validation import ValidationAttack, exact_attack, fast_attack


def build_attack(
    config: TrialConfig, model: Classifier, generator: torch.Generator, arithmetic: Arithmetic, group: Group
) -> InnerAttack:
    """Return the attack on `model` that `config` trains against."""
    settings = InnerAttackSettings(
        norm=config.norm,
        epsilon=config.epsilon,
        step_size=config.attack_step_size,
        steps=config.attack_steps,
        start=config.attack_start,
        sampled=config.attack_latent == "sample",
        compiled=config.compile != "off",
    )
    return InnerAttack(model, generator, settings, arithmetic=arithmetic, group=group)


def build_validation_attack(
    config: TrialConfig, model: Classifier, attack: InnerAttack, arithmetic: Arithmetic, device: torch.device
) -> ValidationAttack:
    """Return the attack that measures a model, on the same copy of the network as `attack`, that of the training."""
    if config.compile == "off":
        return exact_attack(model, config, device)
    settings = InnerAttackSettings(
        norm=config.norm,
        epsilon=config.epsilon,
        step_size=config.eval_attack_step_size,
        steps=config.eval_attack_steps,
        start="uniform",
        sampled=False,
        compiled=True,
    )
    generator = torch.Generator(device)
    return fast_attack(attack.with_settings(settings, generator), arithmetic, generator)


def build_forward_pass(
    config: TrialConfig, model: Classifier, generator: torch.Generator, arithmetic: Arithmetic, group: Group
) -> ModelForwardPass:
    """Return how the objective of `config` sees images through `model`."""
    backbone = arithmetic.backbone(model.backbone)
    return ModelForwardPass(
        Classifier(CompiledBackbone(backbone) if config.compile == "full" else backbone, model.bottleneck, model.head),
        generator,
        joint=config.forward == "joint",
        sampled=config.loss_latent == "sample",
        group=group,
    )
