"""Attacks against what is known exactly: linear networks in closed form, a ReLU network by enumeration."""

import pytest
import torch
from torch import Tensor
from toys import exactly_robust, interior_images, linear_margins, linear_net, relu_net

from training.attacks import Adversary, Apgd, Fab, Fgsm, Noise, Pgd, Square, auto_attack

EPSILON = 0.04


def still_right(attack: Adversary, model: torch.nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    found = attack(model, images, labels, seed=0)
    return torch.as_tensor(model(found).argmax(dim=1) == labels)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_attack_goes_below_the_truth_and_their_union_comes_close(seed: int) -> None:
    model, images = relu_net(seed=seed), interior_images(60)
    labels = model(images).argmax(dim=1)
    truth = torch.tensor(
        [exactly_robust(model, image, int(label), EPSILON) for image, label in zip(images, labels, strict=True)]
    )
    attacks: list[Adversary] = [
        Noise(epsilon=EPSILON),
        Fgsm(epsilon=EPSILON),
        Pgd(epsilon=EPSILON, step_size=EPSILON / 8, steps=40),
        Pgd(epsilon=EPSILON, step_size=EPSILON / 8, steps=40, restarts=10, loss="margin"),
        Apgd(epsilon=EPSILON),
        Apgd(epsilon=EPSILON, loss="dlr"),
        Apgd(epsilon=EPSILON, loss="targeted", targets=3),
        Fab(epsilon=EPSILON),
        Square(epsilon=EPSILON, queries=500),
    ]
    robust = {attack.name: still_right(attack, model, images, labels) for attack in attacks}
    assert all(bool((flags | ~truth).all()) for flags in robust.values())
    union = torch.stack(list(robust.values())).all(dim=0)
    assert 0 < truth.sum() < 30
    assert union.sum() - truth.sum() <= 2


@pytest.mark.parametrize(
    ("classes", "attack"),
    [
        (2, Pgd(epsilon=0.02, step_size=0.004, steps=20)),
        (2, Fgsm(epsilon=0.02)),
        (2, Apgd(epsilon=0.02)),
        (2, Fab(epsilon=0.02, targets=0)),
        (4, Pgd(epsilon=0.02, step_size=0.004, steps=20, restarts=10, loss="margin")),
        (4, Apgd(epsilon=0.02, loss="targeted", targets=3)),
        (4, Fab(epsilon=0.02)),
        (4, Fab(epsilon=0.02, targets=0)),
        (4, auto_attack(0.02, classes=4)),
        (2, Pgd(epsilon=0.1, norm="l2", step_size=0.02, steps=20)),
        (2, Fgsm(epsilon=0.1, norm="l2")),
        (2, Apgd(epsilon=0.1, norm="l2")),
        (2, Fab(epsilon=0.1, norm="l2", targets=0)),
        (4, Pgd(epsilon=0.1, norm="l2", step_size=0.02, steps=20, restarts=10, loss="margin")),
        (4, Apgd(epsilon=0.1, norm="l2", loss="targeted", targets=3)),
        (4, Fab(epsilon=0.1, norm="l2")),
    ],
    ids=lambda value: value if isinstance(value, int) else value.name,
)
def test_reaches_the_closed_form_of_a_linear_network(classes: int, attack: Adversary) -> None:
    model, images = linear_net(classes), interior_images(80, side=6)
    labels = model(images).argmax(dim=1)
    margins = linear_margins(model, images, labels, attack.norm)
    robust = still_right(attack, model, images, labels)
    # Within a thousandth of the radius rounding decides.
    assert robust[margins > attack.epsilon * 1.001].all()
    assert not robust[margins < attack.epsilon * 0.999].any()
    assert 10 < robust.sum() < 70
