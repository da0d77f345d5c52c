"""Chooses the example images of an evaluation, attacks them and draws them before and after."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.attacks import Adversary, Pgd, RepresentationAttack, frozen
from training.attacks.finite_logits import classes_of
from training.attacks.representation import guides_of
from training.data import ImageSet
from training.data.augment import to_unit
from training.evaluation.plots import adversarial_examples_png, image_grid_png
from training.evaluation.suite import Suite

_COLUMNS = 8


def draw_examples(model: nn.Module, images: ImageSet, suite: Suite) -> bytes:
    """Draw as PNG clean images, their adversarial images by PGD-20 at the suite's epsilon, and the differences.

    There is one image per class, at most 8: the first one that is classified correctly when clean. The model uses the
    mean of the latent. The titles show the class before and after.
    """
    attack = Pgd(norm=suite.norm, epsilon=suite.epsilon, step_size=max(suite.epsilon / 8, 1e-6), steps=20)
    chosen = images.subset(first_correct(model, images, _COLUMNS))
    clean, adversarial, titles = attack_with_titles(model, chosen, attack)
    return adversarial_examples_png(clean, adversarial, titles)


def draw_representations(model: nn.Module, images: ImageSet, layers: Sequence[str], epsilon: float) -> bytes:
    """Draw as PNG Figure 4 of Yu et al. 2023: sources, their guides, and the result of the attack on each layer.

    The images are those of `draw_examples`. The attack has 20 iterations in the ball of radius `epsilon`. Raise
    AttackError if a layer is unknown.
    """
    chosen = images.subset(first_correct(model, images, _COLUMNS))
    clean, guides = to_unit(chosen.images), guides_of(chosen.labels.cpu()).to(chosen.labels.device)
    rows = {"source": clean, "guide": clean[guides]}
    for layer in layers:
        attack = RepresentationAttack(epsilon=epsilon, iterations=20, layer=layer)
        rows[layer] = attack(model, clean, chosen.labels, seed=0)
    pairs = zip(chosen.labels.tolist(), chosen.labels[guides].tolist(), strict=True)
    return image_grid_png(rows, [f"{source}, guide {guide}" for source, guide in pairs])


def first_correct(model: nn.Module, images: ImageSet, count: int) -> Tensor:
    """Return the index of the first correctly classified image of each of the first `count` classes, (classes,).

    Only the first 1,000 images are considered. If no image of a class is correct, its first image is used.
    """
    labels = images.labels[:1000]
    with frozen(model), torch.no_grad():
        right = (
            torch.cat([classes_of(model(to_unit(part))) for part in torch.split(images.images[:1000], 250)]) == labels
        )
    found = []
    for label in sorted(set(labels.tolist()))[:count]:
        members = torch.nonzero(labels == label).flatten()
        good = members[right[members]]
        found.append((good if len(good) else members)[0])
    return torch.stack(found)


def attack_with_titles(model: nn.Module, images: ImageSet, attack: Adversary) -> tuple[Tensor, Tensor, list[str]]:
    """Return clean and adversarial images, (n, channels, height, width), and one title per image, such as `3 → 8`."""
    clean = to_unit(images.images)
    adversarial = attack(model, clean, images.labels, seed=0)
    with frozen(model), torch.no_grad():
        classes = classes_of(model(adversarial)).tolist()
    return clean, adversarial, [f"{a} → {b}" for a, b in zip(images.labels.tolist(), classes, strict=True)]
