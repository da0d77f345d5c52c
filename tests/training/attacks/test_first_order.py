import pytest
import torch
import torchattacks
from torch import Tensor, nn
from torch.nn import functional
from toys import interior_images, linear_net, problem, seeded

from training.attacks import Fgsm, Pgd
from training.attacks.attack_losses import logit_margin, logits_ratio_of, margin_of
from training.attacks.randomised import draw_logits, mean_probabilities


def test_pgd_without_random_start_equals_that_of_torchattacks() -> None:
    model, images, labels = problem(24)
    oracle = torchattacks.PGD(model, eps=0.08, alpha=0.02, steps=9, random_start=False)
    found = Pgd(epsilon=0.08, step_size=0.02, steps=9, random_start=False)(model, images, labels, seed=0)
    torch.testing.assert_close(found, oracle(images, labels), rtol=0, atol=1e-6)


def test_fgsm_equals_that_of_torchattacks() -> None:
    model, images, labels = problem(24)
    found = Fgsm(epsilon=0.08)(model, images, labels, seed=0)
    torch.testing.assert_close(found, torchattacks.FGSM(model, eps=0.08)(images, labels), rtol=0, atol=1e-6)


def test_restarts_keep_the_largest_margin_of_all() -> None:
    model, images, labels = problem(60)
    one = Pgd(epsilon=0.04, step_size=0.005, steps=20)(model, images, labels, seed=3)
    best = Pgd(epsilon=0.04, step_size=0.005, steps=20, restarts=8)(model, images, labels, seed=3)
    gain = logit_margin(model(best), labels) - logit_margin(model(one), labels)
    # The first restart is the single run: none can be worse, and on this network several are better.
    assert gain.min() >= 0
    assert gain.max() > 0.1


def test_another_seed_gives_another_start() -> None:
    model, images, labels = problem(24)
    attack = Pgd(epsilon=0.04, step_size=0.005, steps=2)
    assert not torch.equal(attack(model, images, labels, seed=1), attack(model, images, labels, seed=2))


def test_dlr_is_that_of_the_official_code() -> None:
    from pyautoattack.autopgd_base import APGDAttack

    logits, labels = torch.randn(30, 5, generator=seeded(0)), torch.arange(30) % 5
    official = APGDAttack(None, eps=0.1).dlr_loss(logits, labels)
    assert logits_ratio_of(labels)(logits).item() == pytest.approx(official.sum().item(), rel=1e-5)
    scaled = logits_ratio_of(labels)(100 * logits).item()
    assert scaled == pytest.approx(logits_ratio_of(labels)(logits).item(), rel=1e-4)


def test_the_margin_is_that_of_the_best_wrong_class_whatever_the_sign_of_the_logits() -> None:
    logits, labels = torch.tensor([[1.0, 3.0, -2.0], [5.0, 4.0, 0.0]]), torch.tensor([1, 1])
    assert logit_margin(logits, labels).tolist() == [-2, 1]
    assert logit_margin(logits - 100, labels).tolist() == [-2, 1]
    assert margin_of(labels)(logits).item() == -1


class Shaken(nn.Module):
    """A linear classifier whose weights are shaken in every forward pass, as a sampled latent would."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.inner, self.passes, self.classes = linear_net(classes), 0, classes

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        noise = torch.randn(self.classes, 36, generator=seeded(1000 + self.passes))
        logits: Tensor = self.inner(images) + 3 * functional.linear(images.flatten(1), noise)
        return logits


def test_expectation_over_draws_finds_the_direction_that_single_draws_miss() -> None:
    # With two classes the margin is linear in the noise: in expectation the gradient is that without noise.
    images = interior_images(40, side=6)
    inner = Shaken(2).inner
    labels = inner(images).argmax(dim=1)
    exact = Fgsm(epsilon=0.1)(inner, images, labels, seed=0)

    def agreement(draws: int) -> float:
        attack = Pgd(epsilon=0.1, step_size=0.1, steps=1, random_start=False, loss="margin", draws=draws)
        found = attack(Shaken(2), images, labels, seed=0)
        return ((found - images).sign() == (exact - images).sign()).float().mean().item()

    assert agreement(1) < 0.8
    assert agreement(500) > 0.9


def test_draws_are_stacked_and_averaged() -> None:
    model, images = Shaken(), interior_images(3, side=6)
    logits = draw_logits(model, images, 5)
    assert logits.shape == (5, 3, 4)
    assert model.passes == 5
    expected = logits.softmax(dim=2).mean(dim=0)
    torch.testing.assert_close(mean_probabilities(Shaken(), images, 5), expected)
