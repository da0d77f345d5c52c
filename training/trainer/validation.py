"""Natural and PGD accuracy of the deterministic classifier on the validation set, by which a search compares trials."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.attacks import cross_entropy_of, frozen, pgd, uniform_start
from training.attacks.inner import InnerAttack
from training.compute.numerics import exact_float32
from training.compute.parallel import ALONE, Group
from training.compute.precision import Arithmetic
from training.config import TrialConfig
from training.data import ImageSet
from training.data.augment import to_unit

# One seed for all trials and epochs: all trials are attacked from the same starts, and a restored trial repeats its
# values whatever was evaluated before.
ATTACK_SEED = 20_23


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
    """Return `natural_accuracy` and `pgd_accuracy` in [0, 1] on the first `config.eval_images` images of a set.

    An image counts as robust if it is classified correctly both clean and under attack, so the PGD accuracy is at
    most the natural accuracy. The logits are those of the latent mean, in float32 and eval mode. So is the attack,
    unless there is another `attack`. `image_set` is on the model's device. The processes of a `group` share the
    batches, and each gets the whole result. The model and all global random states stay as they were.
    """
    count = min(config.eval_images or len(image_set), len(image_set))
    device = image_set.images.device
    attack = attack or exact_attack(model, config, device)
    attack.generator.manual_seed(ATTACK_SEED)
    correct = torch.zeros(2, dtype=torch.int64, device=device)
    with exact_float32(), frozen(model):
        for place, first in enumerate(range(0, count, config.eval_batch_size)):
            batch = slice(first, min(first + config.eval_batch_size, count))
            images, labels = to_unit(image_set.images[batch]), image_set.labels[batch]
            if place % group.size == group.rank:
                correct += _correct(model, images, labels, attack)
            else:  # so that the next batch starts where it would in one process
                uniform_start(images, config.epsilon, attack.generator)
    natural, robust = group.total(correct).tolist()
    return {"natural_accuracy": natural / count, "pgd_accuracy": robust / count}


def _correct(model: nn.Module, images: Tensor, labels: Tensor, attack: ValidationAttack) -> Tensor:
    """Return how many images are classified correctly clean, and both clean and under attack: (2,)."""
    adversarial = attack.find(images, labels)
    with torch.no_grad():
        natural = model(images).argmax(dim=1) == labels
        robust = natural & (model(adversarial).argmax(dim=1) == labels)
    return torch.stack([natural.sum(), robust.sum()])
