"""The metrics of the deterministic classifier on the validation set, by which a search compares trials."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.attacks import cross_entropy_of, frozen, pgd, uniform_start
from training.attacks.finite_logits import classes_of
from training.attacks.inner import InnerAttack
from training.compute.numerics import exact_float32
from training.compute.parallel import ALONE, Group
from training.compute.precision import Arithmetic
from training.config import ACCURACIES, TrialConfig, computed_metrics
from training.data import ImageSet
from training.data.augment import to_unit
from training.trainer.measured import MEASURING_SEED, asks_for, measured, offered_values


class Validated(NamedTuple):
    """The predictions for clean and attacked images, (n,) int64 each, and the attacked images if a metric needs them.

    These are (n, channels, height, width), float32 in [0, 1].
    """

    predictions: Tensor
    adversarial_predictions: Tensor
    adversarial_images: Tensor | None


@dataclass(frozen=True, eq=False)
class ValidationAttack:
    """PGD from random starts: `find` maps images and labels to adversarial images, and draws from `generator`.

    `fallback()` is the reason why a requested CUDA graph is not used, or None.
    """

    find: Callable[[Tensor, Tensor], Tensor]
    generator: torch.Generator
    fallback: Callable[[], str | None] = lambda: None


def fast_attack(attack: InnerAttack, arithmetic: Arithmetic, generator: torch.Generator) -> ValidationAttack:
    """Return an attack that is computed as those of the training: folded, recorded on CUDA, and in its precision."""

    def find(images: Tensor, labels: Tensor) -> Tensor:
        with arithmetic.active():
            return attack(images, cross_entropy_of(labels))

    return ValidationAttack(find, generator, lambda: attack.fallback)


def exact_attack(model: nn.Module, config: TrialConfig, device: torch.device) -> ValidationAttack:
    """Return an attack on the model as it is, in the precision that is set."""
    generator = torch.Generator(device)

    def find(images: Tensor, labels: Tensor) -> Tensor:
        return pgd(
            model,
            images,
            labels,
            norm=config.norm,
            epsilon=config.epsilon,
            step_size=config.eval_attack_step_size,
            steps=config.eval_attack_steps,
            generator=generator,
        )

    return ValidationAttack(find, generator)


def validate(
    model: nn.Module,
    image_set: ImageSet,
    config: TrialConfig,
    group: Group = ALONE,
    attack: ValidationAttack | None = None,
) -> dict[str, float]:
    """Return `natural_accuracy`, `pgd_accuracy` and `config.metrics` on the first `config.eval_images` images of a set.

    The logits are those of the latent mean, in float32 and eval mode. So is the attack, unless there is another
    `attack`. `image_set` is on the model's device. The processes of a `group` share the batches, and each gets the
    whole result. The model and all global random states stay as they were. Raise MetricError if a metric from outside
    the project is unfit.
    """
    count = min(config.eval_images or len(image_set), len(image_set))
    names = [*ACCURACIES, *computed_metrics(config.metrics)]
    attack = attack or exact_attack(model, config, image_set.images.device)
    keep_images = asks_for(names, "adversarial_images")
    with exact_float32(), frozen(model):
        chosen = ImageSet(image_set.images[:count], image_set.labels[:count])
        found = _attacked(model, chosen, config, group, attack, keep_images=keep_images)
        clean = (to_unit(chosen.images) if asks_for(names, "images") else None, chosen.labels)
        attacked = (found.adversarial_images, found.adversarial_predictions)
        return measured(names, config, offered_values(model, config, clean, attacked, found.predictions))


def _attacked(
    model: nn.Module,
    image_set: ImageSet,
    config: TrialConfig,
    group: Group,
    attack: ValidationAttack,
    *,
    keep_images: bool,
) -> Validated:
    """Attack the images in batches. Each process fills in its own batches, and the sum is the whole."""
    count = len(image_set)
    attack.generator.manual_seed(MEASURING_SEED)
    clean = torch.zeros_like(image_set.labels)
    attacked = torch.zeros_like(clean)
    kept = torch.zeros_like(to_unit(image_set.images)) if keep_images else None
    for place, first in enumerate(range(0, count, config.eval_batch_size)):
        batch = slice(first, min(first + config.eval_batch_size, count))
        images, labels = to_unit(image_set.images[batch]), image_set.labels[batch]
        if place % group.size != group.rank:  # so that the next batch starts where it would in one process
            uniform_start(images, config.epsilon, attack.generator, norm=config.norm)
            continue
        adversarial = attack.find(images, labels)
        with torch.no_grad():
            clean[batch] = classes_of(model(images))
            attacked[batch] = classes_of(model(adversarial))
        if kept is not None:
            kept[batch] = adversarial
    return Validated(group.total(clean), group.total(attacked), None if kept is None else group.total(kept))
