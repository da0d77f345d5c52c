from collections.abc import Callable

import pytest
import torch
import torchattacks
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from toys import Disturbable, seeded

from training.attacks import ascend, cross_entropy_of, divergence_from, frozen, gaussian_start, pgd, uniform_start
from training.attacks.adversary import distances

LABELS = torch.arange(12) % 4


def draw_images(seed: int = 0, count: int = 12) -> Tensor:
    return torch.rand(count, 1, 6, 6, generator=seeded(seed))


def linear_model(seed: int = 1, classes: int = 4) -> nn.Sequential:
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=seeded(seed)))
    return model


@pytest.fixture
def network() -> Disturbable:
    return Disturbable(side=6)


def test_binary_linear_model_has_a_closed_form() -> None:
    # Two classes: the loss rises along w_other - w_y whatever the point, so that the worst x' in the ball is known.
    model, images, labels = linear_model(classes=2), draw_images(), torch.arange(12) % 2
    weight = model.get_parameter("1.weight")
    direction = (weight[1 - labels] - weight[labels]).sign().view_as(images)
    found = pgd(model, images, cross_entropy_of(labels), epsilon=0.1, step_size=0.03, steps=10, generator=seeded(0))
    torch.testing.assert_close(found, (images + 0.1 * direction).clamp(0, 1))


def test_in_l2_the_closed_form_is_a_step_along_the_weights() -> None:
    model, images, labels = linear_model(classes=2), 0.4 + 0.2 * draw_images(), torch.arange(12) % 2
    weight = model.get_parameter("1.weight").detach()
    direction = functional.normalize(weight[1 - labels] - weight[labels]).view_as(images)
    found = pgd(
        model, images, cross_entropy_of(labels), epsilon=1.0, step_size=0.3, steps=60, generator=seeded(0), norm="l2"
    )
    torch.testing.assert_close(found, images + direction, rtol=0, atol=1e-4)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_image_without_a_gradient_stays_at_its_start(norm: str) -> None:
    images = draw_images()
    found = ascend(
        nn.Identity(),
        images,
        images,
        lambda moved: moved[1:].sum() + 0 * moved.sum(),
        epsilon=0.3,
        step_size=0.1,
        steps=3,
        norm=norm,
    )
    assert torch.equal(found[0], images[0])
    assert found.isfinite().all()
    assert (found[1:] != images[1:]).flatten(1).any(dim=1).all()


def cross_entropy_by(network: nn.Module) -> Callable[[Tensor], Tensor]:
    loss = cross_entropy_of(LABELS)
    return lambda images: loss(network(images))


def test_agrees_with_torchattacks_from_the_same_start(network: Disturbable) -> None:
    images = draw_images()
    oracle = torchattacks.PGD(network.eval(), eps=0.1, alpha=0.02, steps=7, random_start=True)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = oracle(images, LABELS)
        torch.manual_seed(5)
        # torchattacks draws its start in place, from the global generator.
        start = (images + torch.empty_like(images).uniform_(-0.1, 0.1)).clamp(0, 1)
    found = ascend(network, images, start, cross_entropy_by(network), epsilon=0.1, step_size=0.02, steps=7)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_agrees_with_torchattacks_in_l2_from_the_same_start(network: Disturbable) -> None:
    images = draw_images()
    oracle = torchattacks.PGDL2(network.eval(), eps=0.5, alpha=0.1, steps=7, random_start=True)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = oracle(images, LABELS)
        torch.manual_seed(5)
        # torchattacks draws a direction, and then a length that is not uniform in the ball.
        change = torch.empty_like(images).normal_()
        length = torch.zeros(len(images), 1, 1, 1).uniform_(0, 1)
        start = (images + 0.5 * length * change / change.flatten(1).norm(dim=1)[:, None, None, None]).clamp(0, 1)
    loss = cross_entropy_by(network)
    found = ascend(network, images, start, loss, epsilon=0.5, step_size=0.1, steps=7, norm="l2")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@given(st.floats(0, 1), st.floats(1e-3, 1), st.integers(1, 4), st.integers(0, 1000))
def test_stays_in_the_ball_and_in_the_box(norm: str, epsilon: float, step_size: float, steps: int, seed: int) -> None:
    images = draw_images(seed)
    found = pgd(
        linear_model(),
        images,
        cross_entropy_of(LABELS),
        epsilon=epsilon,
        step_size=step_size,
        steps=steps,
        generator=seeded(seed),
        norm=norm,
    )
    assert distances(images, found, norm).max() <= epsilon + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad


def test_start_is_uniform_in_the_ball() -> None:
    offsets = uniform_start(torch.full((1, 1, 100, 100), 0.5), 0.2, seeded(0)) - 0.5
    assert offsets.abs().max() <= 0.2 + 1e-6
    # Variance of a uniform distribution: (2 * 0.2)^2 / 12; its estimate from 10,000 draws is good to 1 %.
    assert offsets.var().item() == pytest.approx(0.4**2 / 12, rel=0.05)
    assert offsets.mean().item() == pytest.approx(0, abs=0.01)


def test_the_start_comes_from_the_given_generator_alone(network: Disturbable) -> None:
    def attack(seed: int) -> Tensor:
        return pgd(
            network,
            draw_images(),
            cross_entropy_of(LABELS),
            epsilon=0.1,
            step_size=0.01,
            steps=2,
            generator=seeded(seed),
        )

    global_state = torch.get_rng_state()
    first = attack(0)
    assert torch.equal(torch.get_rng_state(), global_state)
    assert torch.equal(first, attack(0))
    assert not torch.equal(first, attack(1))


def test_a_frozen_model_evaluates_without_weight_gradients_and_is_restored_after_an_error(network: Disturbable) -> None:
    def look_and_fail() -> None:
        with frozen(network):
            assert not any(module.training for module in network.modules())
            assert not any(parameter.requires_grad for parameter in network.parameters())
            raise RuntimeError("stop")

    flags = network.flags()
    with pytest.raises(RuntimeError, match="stop"):
        look_and_fail()
    assert network.flags() == flags


@pytest.mark.parametrize(("norm", "scale"), [("linf", 1), ("l2", 6)])
def test_robust_accuracy_falls_with_epsilon(norm: str, scale: float) -> None:
    model, images = linear_model(), draw_images(count=60)
    labels = model(images).argmax(dim=1)

    def correct(share: float) -> int:
        sizes = {"epsilon": scale * share, "step_size": scale * share / 4}
        loss = cross_entropy_of(labels)
        found = pgd(model, images, loss, **sizes, steps=10, generator=seeded(0), norm=norm)
        return int((model(found).argmax(dim=1) == labels).sum())

    counts = [correct(share) for share in (0.0, 0.02, 0.05, 0.1, 0.3, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 60
    assert counts[-1] <= 3


def test_the_divergence_attack_moves_away_from_the_clean_softmax(network: Disturbable) -> None:
    images, start = draw_images(), gaussian_start(draw_images(), seeded(4))
    with frozen(network):
        divergence = divergence_from(network(images).detach())

        def loss(adversarial: Tensor) -> Tensor:
            return divergence(network(adversarial))

        found = ascend(network, images, start, loss, epsilon=0.1, step_size=0.02, steps=7)
        clean, moved = network(images).softmax(dim=1), network(found).softmax(dim=1)
        expected = (clean * (clean.log() - moved.log())).sum()
        assert loss(found).item() == pytest.approx(expected.item(), rel=1e-3)
        assert loss(images).item() == pytest.approx(0, abs=1e-5)
        assert loss(found) > 10 * loss(start)


def test_the_gaussian_start_is_a_thousandth_of_a_standard_normal() -> None:
    offsets = gaussian_start(torch.full((1, 1, 100, 100), 0.5), seeded(0)) - 0.5
    assert offsets.std().item() == pytest.approx(1e-3, rel=0.03)
    assert offsets.mean().item() == pytest.approx(0, abs=5e-5)
