"""Which images the picture of an evaluation shows, and what an attack makes of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.attacks import Adversary, Pgd, RepresentationAttack, frozen
from training.attacks.representation import guides_of
from training.data import ImageSet
from training.data.augment import to_unit
from training.evaluation.plots import adversarial_examples_png, image_grid_png
from training.evaluation.suite import Suite

_COLUMNS = 8


def draw_examples(model: nn.Module, images: ImageSet, suite: Suite) -> bytes:
    """Draw as PNG clean, adversarial and difference images of PGD-20 at the suite's epsilon; the latent's mean.

    One image a class, at most 8, the first that is right when clean; the titles say the class before and after.
    """
    attack = Pgd(epsilon=suite.epsilon, step_size=max(suite.epsilon / 8, 1e-6), steps=20)
    chosen = images.subset(first_right(model, images, _COLUMNS))
    clean, adversarial, titles = attacked(model, chosen, attack)
    return adversarial_examples_png(clean, adversarial, titles)


def draw_representations(model: nn.Module, images: ImageSet, layers: Sequence[str], epsilon: float) -> bytes:
    """Draw as PNG Figure 4 of Yu et al. 2023: sources, their guides, and what the attack on each layer makes of them.

    The same images as in `draw_examples`; 20 iterations in the ball of `epsilon`. Raise AttackError for an unknown
    layer.
    """
    chosen = images.subset(first_right(model, images, _COLUMNS))
    clean, guides = to_unit(chosen.images), guides_of(chosen.labels.cpu()).to(chosen.labels.device)
    rows = {"source": clean, "guide": clean[guides]}
    for layer in layers:
        attack = RepresentationAttack(epsilon=epsilon, iterations=20, layer=layer)
        rows[layer] = attack(model, clean, chosen.labels, seed=0)
    pairs = zip(chosen.labels.tolist(), chosen.labels[guides].tolist(), strict=True)
    return image_grid_png(rows, [f"{source}, guide {guide}" for source, guide in pairs])


def first_right(model: nn.Module, images: ImageSet, count: int) -> Tensor:
    """Return the indices of the first correctly classified image of each of the first `count` classes, at least one.

    Only the first 1,000 images are looked at. Where none of a class is right, its first image stands in.
    """
    labels = images.labels[:1000]
    with frozen(model), torch.no_grad():
        right = (
            torch.cat([model(to_unit(part)).argmax(dim=1) for part in torch.split(images.images[:1000], 250)]) == labels
        )
    found = []
    for label in sorted(set(labels.tolist()))[:count]:
        members = torch.nonzero(labels == label).flatten()
        good = members[right[members]]
        found.append((good if len(good) else members)[0])
    return torch.stack(found)


def attacked(model: nn.Module, images: ImageSet, attack: Adversary) -> tuple[Tensor, Tensor, list[str]]:
    """Return clean and adversarial images, (n, channels, height, width), and a title each, such as `3 -> 8`."""
    clean = to_unit(images.images)
    adversarial = attack(model, clean, images.labels, seed=0)
    with frozen(model), torch.no_grad():
        classes = model(adversarial).argmax(dim=1).tolist()
    return clean, adversarial, [f"{a} → {b}" for a, b in zip(images.labels.tolist(), classes, strict=True)]
