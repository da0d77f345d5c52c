"""The metrics of the deterministic classifier on the validation set, by which a search compares trials."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.attacks import frozen, pgd, uniform_start
from training.compute.numerics import exact_float32
from training.compute.parallel import ALONE, Group
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


def validate(model: nn.Module, image_set: ImageSet, config: TrialConfig, group: Group = ALONE) -> dict[str, float]:
    """Return `natural_accuracy`, `pgd_accuracy` and `config.metrics` on the first `config.eval_images` images of a set.

    The logits are those of the latent mean, in float32 and eval mode. `image_set` is on the model's device. The
    processes of a `group` share the batches, and each gets the whole result. The model and all global random states
    stay as they were. Raise MetricError if a metric from outside the project is unfit.
    """
    count = min(config.eval_images or len(image_set), len(image_set))
    names = [*ACCURACIES, *computed_metrics(config.metrics)]
    with exact_float32(), frozen(model):
        chosen = ImageSet(image_set.images[:count], image_set.labels[:count])
        found = _attacked(model, chosen, config, group, keep_images=asks_for(names, "adversarial_images"))
        clean = (to_unit(chosen.images) if asks_for(names, "images") else None, chosen.labels)
        attacked = (found.adversarial_images, found.adversarial_predictions)
        return measured(names, config, offered_values(model, config, clean, attacked, found.predictions))


def _attacked(
    model: nn.Module, image_set: ImageSet, config: TrialConfig, group: Group, *, keep_images: bool
) -> Validated:
    """Attack the images in batches. Each process fills in its own batches, and the sum is the whole."""
    count = len(image_set)
    generator = torch.Generator(image_set.images.device).manual_seed(MEASURING_SEED)
    clean = torch.zeros_like(image_set.labels)
    attacked = torch.zeros_like(clean)
    kept = torch.zeros_like(to_unit(image_set.images)) if keep_images else None
    for place, first in enumerate(range(0, count, config.eval_batch_size)):
        batch = slice(first, min(first + config.eval_batch_size, count))
        images, labels = to_unit(image_set.images[batch]), image_set.labels[batch]
        if place % group.size != group.rank:  # so that the next batch starts where it would in one process
            uniform_start(images, config.epsilon, generator)
            continue
        adversarial = pgd(
            model,
            images,
            labels,
            epsilon=config.epsilon,
            step_size=config.eval_attack_step_size,
            steps=config.eval_attack_steps,
            generator=generator,
        )
        with torch.no_grad():
            clean[batch] = model(images).argmax(dim=1)
            attacked[batch] = model(adversarial).argmax(dim=1)
        if kept is not None:
            kept[batch] = adversarial
    return Validated(group.total(clean), group.total(attacked), None if kept is None else group.total(kept))
