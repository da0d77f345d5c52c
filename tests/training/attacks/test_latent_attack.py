"""The attack on the latent: a linear model in closed form, and a model whose logits show no way to the boundary."""

import copy

import pytest
import torch
from raises_about import raises_about
from stand_ins import random_states, same_weights
from torch import Tensor, nn
from toys import interior_images, linear_margins, linear_net, noisy_classifier, relu_net

from training.attacks import Apgd, AttackError, Cascade, LatentAttack, MeanPath, Pgd
from training.attacks.adversary import distances
from training.attacks.finite_logits import with_finite_logits
from training.data import ImageSet
from training.evaluation import LatentMode, Suite, evaluate_robustness
from training.evaluation.latent import model_in_mode
from training.models import Classifier, GaussianBottleneck, NoBottleneck

EPSILON = {"linf": 0.02, "l2": 0.1}
NORMS = pytest.mark.parametrize("norm", EPSILON)


def attack(norm: str = "linf", **changes: object) -> LatentAttack:
    epsilon = EPSILON[norm]
    return LatentAttack(**{"norm": norm, "epsilon": epsilon, "step_size": epsilon / 8, **changes})  # type: ignore[arg-type]


@NORMS
@pytest.mark.parametrize("distance", ["symmetric_kl", "features"])
def test_reaches_the_closed_form_of_a_linear_model(norm: str, distance: str) -> None:
    model, images = noisy_classifier(0.3, classes=2), interior_images(80, side=6)
    labels = model(images).argmax(dim=1)
    margins = linear_margins(linear_net(2), images, labels, norm)
    found = attack(norm, distance=distance)(model, images, labels, seed=0)
    robust = model(found).argmax(dim=1) == labels
    assert robust[margins > EPSILON[norm] * 1.001].all()
    assert not robust[margins < EPSILON[norm] * 0.99].any()
    assert 10 < robust.sum() < 70


@NORMS
def test_keeps_to_the_ball_and_leaves_everything_as_it_was(norm: str) -> None:
    model, images = noisy_classifier(0.3), torch.rand(9, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    model.train()
    before, randomness, labels = copy.deepcopy(model), random_states(), torch.arange(9) % 4
    found = attack(norm, steps=5)(model, images, labels, seed=3)
    assert distances(images, found, norm).max() <= EPSILON[norm] + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad
    assert random_states() == randomness
    assert same_weights(model, before)
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert not model.bottleneck._forward_hooks
    assert torch.equal(attack(norm, steps=5)(model, images, labels, seed=3), found)
    assert not torch.equal(attack(norm, steps=5)(model, images, labels, seed=4), found)


class Walls(nn.Module):
    """A head that is wrong where the latent has moved by more than `limit`, with logits that are flat everywhere."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, z: Tensor) -> Tensor:
        beyond = (z.abs().sum(dim=1) > self.limit).float() + 0 * z.sum(dim=1)
        return torch.stack([1 - beyond, beyond, *[0 * beyond - 1] * 2], dim=1)


def walled(limit: float = 0.4) -> tuple[Classifier, ImageSet]:
    """Return a model whose latent is 0 for the mean of the images, and images near it, all right."""
    pixels = (255 * (0.49 + 0.02 * interior_images(20, side=6))).to(torch.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bottleneck = GaussianBottleneck(36, 3, sigma_bias=0.0, sigma_floor=0.1)
    with torch.no_grad():
        bottleneck.linear.bias.sub_(bottleneck.linear(pixels.flatten(1).float().div(255).mean(dim=0)))
    model = Classifier(nn.Flatten(), bottleneck, Walls(limit))  # type: ignore[arg-type]
    return model.eval(), ImageSet(pixels, torch.zeros(20, dtype=torch.int64))


def test_finds_what_attacks_on_logits_cannot_and_a_sign_says_so() -> None:
    model, images = walled()
    cascade = Cascade(title="AutoAttack", members=(Apgd(epsilon=0.1), Apgd(epsilon=0.1, loss="targeted", targets=3)))
    margin = Pgd(epsilon=0.1, step_size=0.0125, steps=40, loss="margin")
    suite = Suite(name="walls", epsilon=0.1, attacks=(margin, cascade, LatentAttack(epsilon=0.1, step_size=0.0125)))
    evaluation = evaluate_robustness(model, images, suite)
    accuracies = evaluation.accuracies()
    assert accuracies["PGD-MARGIN-40, linf 0.1"] == accuracies["AutoAttack, linf 0.1"] == 1
    assert accuracies["Latent-SKL-50 x2, linf 0.1"] == evaluation.worst_case_accuracy == 0
    assert "latent_below_autoattack" in {sign.code for sign in evaluation.warnings}


def test_a_model_without_the_latent_is_refused() -> None:
    images, labels = interior_images(4, side=6), torch.zeros(4, dtype=torch.int64)
    with raises_about(AttackError, "bottleneck"):
        attack()(relu_net(side=6), images, labels, seed=0)
    with torch.random.fork_rng():
        point = Classifier(nn.Flatten(), NoBottleneck(), nn.Linear(36, 4))
    with raises_about(AttackError, "distance"):
        attack()(point, images, labels, seed=0)
    assert attack(distance="features")(point, images, labels, seed=0).shape == images.shape
    for wrong, subject in (({"distance": "kl"}, "distance"), ({"steps": 0}, ("steps",)), ({"epsilon": 2}, "epsilon")):
        with raises_about(AttackError, subject):
            attack(**wrong)


def test_a_sampled_model_is_attacked_on_its_mean_path() -> None:
    classifier, images = noisy_classifier(0.5), interior_images(40, side=6)
    labels = classifier(images).argmax(dim=1)
    sampled = with_finite_logits(model_in_mode(classifier, LatentMode.named("sampled"), torch.device("cpu")))
    for inner in (attack(), Pgd(epsilon=0.02, step_size=0.005, steps=5)):
        expected = inner(classifier, images, labels, seed=0)
        assert torch.equal(MeanPath(attack=inner)(sampled, images, labels, seed=0), expected)
