"""The metrics of the deterministic classifier on the validation set, by which a search compares trials."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.attacks import cross_entropy_of, frozen, pgd, uniform_start
from training.attacks.attack_losses import AttackLoss, margin_of
from training.attacks.finite_logits import classes_of
from training.attacks.inner import InnerAttack
from training.compute.numerics import exact_float32
from training.compute.parallel import ALONE, Group
from training.compute.precision import Arithmetic
from training.config import ACCURACIES, SELECTION, TrialConfig, computed_metrics
from training.data import ImageSet
from training.data.augment import to_unit
from training.trainer.measured import MEASURING_SEED, Seen, asks_for, measured, offered_values
from training.trainer.selected_epoch import choosing_images, measuring_images

# The accuracy that chooses the best epoch.
CHOOSING = "pgd_accuracy"


@dataclass(frozen=True, eq=False)
class ValidationAttack:
    """PGD from random starts: `find` maps images and a loss to adversarial images, and draws from `generator`.

    `fallback()` is the reason why a requested CUDA graph is not used, or None.
    """

    find: Callable[[Tensor, AttackLoss], Tensor]
    generator: torch.Generator
    fallback: Callable[[], str | None] = lambda: None


def fast_attack(attack: InnerAttack, arithmetic: Arithmetic, generator: torch.Generator) -> ValidationAttack:
    """Return an attack that is computed as those of the training: folded, recorded on CUDA, and in its precision."""

    def find(images: Tensor, loss: AttackLoss) -> Tensor:
        with arithmetic.active():
            return attack(images, loss)

    return ValidationAttack(find, generator, lambda: attack.fallback)


def exact_attack(model: nn.Module, config: TrialConfig, device: torch.device) -> ValidationAttack:
    """Return an attack on the model as it is, in the precision that is set."""
    generator = torch.Generator(device)

    def find(images: Tensor, loss: AttackLoss) -> Tensor:
        return pgd(
            model,
            images,
            loss,
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

    With `select: best` these are of the second half of the images, and `selection_accuracy` is the PGD accuracy on the
    first half.

    The logits are those of the latent mean, in float32 and eval mode. So is the attack, unless there is another
    `attack`. `image_set` is on the model's device. The processes of a `group` share the batches, and each gets the
    whole result. The model and all global random states stay as they were. Raise MetricError if a metric from outside
    the project is unfit.
    """
    count = min(config.eval_images or len(image_set), len(image_set))
    chosen = ImageSet(image_set.images[:count], image_set.labels[:count])
    names = [*ACCURACIES, *computed_metrics(config.metrics)]
    batches = ValidationBatches(
        model, chosen, config, group, attack or exact_attack(model, config, image_set.images.device)
    )
    with exact_float32(), frozen(model):
        attacked, images = batches.attacked(cross_entropy_of, keep_images=asks_for(names, "adversarial_images"))
        wants_margin = asks_for(names, "margin_predictions")
        seen = Seen(
            labels=chosen.labels,
            predictions=batches.predictions(),
            adversarial_predictions=attacked,
            margin_predictions=batches.attacked(margin_of)[0] if wants_margin else None,
            images=to_unit(chosen.images) if asks_for(names, "images") else None,
            adversarial_images=images,
        )

        def measure(names: Sequence[str], part: slice) -> dict[str, float]:
            return measured(names, config, offered_values(model, config, seen.part(part)))

        metrics = measure(names, measuring_images(config, count))
        if config.select == "best":
            metrics[SELECTION] = measure([CHOOSING], slice(choosing_images(config, count)))[CHOOSING]
        return metrics


@dataclass(frozen=True, eq=False)
class ValidationBatches:
    """The images in batches. Each process of the group fills in its own batches, and the sum is the whole."""

    model: nn.Module
    image_set: ImageSet
    config: TrialConfig
    group: Group
    attack: ValidationAttack

    def predictions(self) -> Tensor:
        """Return the predictions for the clean images, (n,) int64."""
        found = torch.zeros_like(self.image_set.labels)
        for batch, images, is_own in self._batches():
            if is_own:
                with torch.no_grad():
                    found[batch] = classes_of(self.model(images))
        return self.group.total(found)

    def attacked(
        self, loss_of: Callable[[Tensor], AttackLoss], *, keep_images: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Return the predictions for attacked images, (n,) int64, and these images, float32, if they are to be kept.

        `loss_of` maps labels to the loss that the attack maximises. Every attack has the same starts.
        """
        self.attack.generator.manual_seed(MEASURING_SEED)
        found = torch.zeros_like(self.image_set.labels)
        kept = torch.zeros_like(to_unit(self.image_set.images)) if keep_images else None
        for batch, images, is_own in self._batches():
            if not is_own:  # so that the next batch starts where it would in one process
                uniform_start(images, self.config.epsilon, self.attack.generator, norm=self.config.norm)
                continue
            adversarial = self.attack.find(images, loss_of(self.image_set.labels[batch]))
            with torch.no_grad():
                found[batch] = classes_of(self.model(adversarial))
            if kept is not None:
                kept[batch] = adversarial
        return self.group.total(found), None if kept is None else self.group.total(kept)

    def _batches(self) -> Iterator[tuple[slice, Tensor, bool]]:
        """Return the place of each batch, its images in [0, 1], and whether it is one of this process."""
        for place, first in enumerate(range(0, len(self.image_set), self.config.eval_batch_size)):
            batch = slice(first, min(first + self.config.eval_batch_size, len(self.image_set)))
            yield batch, to_unit(self.image_set.images[batch]), place % self.group.size == self.group.rank
