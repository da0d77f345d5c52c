"""The suite that the options of `training.evaluate` ask for."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from training.attacks import RepresentationAttack, Scale, split_names
from training.command_line import CommandError
from training.data.class_names import naming_difference
from training.evaluation import LatentMode, Suite, build_suite
from training.evaluation.evaluated_model import EvaluatedModel
from training.evaluation.trained_model import TrainedModel, load_model
from training.norms import LINF


def suite_of(
    arguments: argparse.Namespace,
    scale: Scale,
    *,
    latent: LatentMode,
    surrogate: TrainedModel | None,
    layers: Sequence[str],
    bottleneck: bool,
) -> Suite:
    """Return the suite of --suite and --attacks, with the attacks of a surrogate and on layers.

    `scale` has the norm and the sizes, `bottleneck` says whether the model has one. Raise AttackError for an unknown
    name or a wrong size, CommandError for layers in l2.
    """
    if layers and scale.norm != LINF:
        raise CommandError(
            f"--layers is for the representation attack, which exists only in {LINF}, but the evaluation is in"
            f" {scale.norm}: leave it out, or add --norm {LINF} with its --epsilon.",
            "--layers",
        )
    suite = build_suite(
        arguments.suite,
        scale,
        latent=latent,
        attacks=split_names(arguments.attacks) if arguments.attacks else None,
        surrogate=None if surrogate is None else surrogate.model,
        # All evaluations share the surrogate's adversarial images, beside its checkpoint.
        cache=None if surrogate is None else surrogate.path.parent / "transfer",
        bottleneck=bottleneck,
    )
    added = [RepresentationAttack(epsilon=scale.epsilon, iterations=20, layer=name) for name in layers]
    return replace(suite, attacks=(*suite.attacks, *added))


def surrogate_of(
    arguments: argparse.Namespace, evaluated: EvaluatedModel, shape: tuple[int, int, int], device: torch.device
) -> TrainedModel | None:
    """Return the model of --surrogate for images of `shape` (channels, height, width), None without this option.

    Raise CommandError if it has other classes than the evaluated model.
    """
    if not arguments.surrogate:
        return None
    found = load_model(Path(arguments.surrogate), shape).to(device)
    known = evaluated.class_names
    difference = naming_difference(found.class_names, known) if known is not None else ""
    if difference or found.classes != evaluated.classes:
        what = difference or f"{found.classes} classes, but the model has {evaluated.classes}"
        raise CommandError(
            f"The surrogate {found.path} has {what}. Name a surrogate that was trained on the same data set.",
            "--surrogate",
        )
    return found


def layers_of(arguments: argparse.Namespace, model: nn.Module) -> list[str]:
    """Return the layers named by --layers. Raise CommandError if the model has no such layer."""
    names: list[str] = arguments.layers.split(",") if arguments.layers else []
    known = [name for name, _ in model.named_modules() if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(f"The model has no layer {', '.join(unknown)}; it has {', '.join(known)}.", "--layers")
    return names
