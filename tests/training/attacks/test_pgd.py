import copy
from collections.abc import Callable, Iterator

import pytest
import torch
import torchattacks
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from training.attacks import ascend, cross_entropy_of, divergence_from, frozen, gaussian_start, pgd, uniform_start

LABELS = torch.arange(12) % 4


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_images(seed: int = 0, count: int = 12) -> Tensor:
    return torch.rand(count, 1, 6, 6, generator=seeded(seed))


def weight_of(layer: nn.Module) -> nn.Parameter:
    weight = layer.weight
    assert isinstance(weight, nn.Parameter)
    return weight


def linear_model(seed: int = 1, classes: int = 4) -> nn.Sequential:
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=seeded(seed)))
    return model


@pytest.fixture
def network() -> Iterator[nn.Sequential]:
    """A network with everything an attack could disturb, its batch norm frozen in eval mode by its owner."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 4)
        )
        model.train()
        model[1].eval()
        model[5].bias.requires_grad_(False)
        yield model


def test_binary_linear_model_has_a_closed_form() -> None:
    # Two classes: the loss rises along w_other - w_y whatever the point, so that the worst x' in the ball is
    # known.
    model, images, labels = linear_model(classes=2), draw_images(), torch.arange(12) % 2
    weight = weight_of(model[1])
    direction = (weight[1 - labels] - weight[labels]).sign().view_as(images)
    found = pgd(model, images, labels, epsilon=0.1, step_size=0.03, steps=10, generator=seeded(0))
    torch.testing.assert_close(found, (images + 0.1 * direction).clamp(0, 1))


def cross_entropy_by(network: nn.Module) -> Callable[[Tensor], Tensor]:
    loss = cross_entropy_of(LABELS)
    return lambda images: loss(network(images))


def test_one_step_of_epsilon_from_the_images_is_fgsm(network: nn.Sequential) -> None:
    images = draw_images().requires_grad_()
    reference = copy.deepcopy(network).eval()
    (gradient,) = torch.autograd.grad(functional.cross_entropy(reference(images), LABELS), images)
    expected = (images + 0.1 * gradient.sign()).clamp(0, 1).detach()
    clean = images.detach()
    found = ascend(network, clean, clean, cross_entropy_by(network), epsilon=0.1, step_size=0.1, steps=1)
    torch.testing.assert_close(found, expected)


def test_agrees_with_torchattacks_from_the_same_start(network: nn.Sequential) -> None:
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


@given(st.floats(0, 1), st.floats(1e-3, 1), st.integers(1, 4), st.integers(0, 1000))
def test_stays_in_the_ball_and_in_the_box(epsilon: float, step_size: float, steps: int, seed: int) -> None:
    images = draw_images(seed)
    found = pgd(
        linear_model(),
        images,
        LABELS,
        epsilon=epsilon,
        step_size=step_size,
        steps=steps,
        generator=seeded(seed),
    )
    assert (found - images).abs().max() <= epsilon + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad


def test_start_is_uniform_in_the_ball() -> None:
    offsets = uniform_start(torch.full((1, 1, 100, 100), 0.5), 0.2, seeded(0)) - 0.5
    assert offsets.abs().max() <= 0.2 + 1e-6
    # Variance of a uniform distribution: (2 * 0.2)^2 / 12; its estimate from 10,000 draws is good to 1 %.
    assert offsets.var().item() == pytest.approx(0.4**2 / 12, rel=0.05)
    assert offsets.mean().item() == pytest.approx(0, abs=0.01)


def test_the_start_comes_from_the_given_generator_alone(network: nn.Sequential) -> None:
    def attack(seed: int) -> Tensor:
        return pgd(network, draw_images(), LABELS, epsilon=0.1, step_size=0.01, steps=2, generator=seeded(seed))

    global_state = torch.get_rng_state()
    first = attack(0)
    assert torch.equal(torch.get_rng_state(), global_state)
    assert torch.equal(first, attack(0))
    assert not torch.equal(first, attack(1))


def test_leaves_the_model_as_it_was(network: nn.Sequential) -> None:
    modes = [module.training for module in network.modules()]
    trained = [parameter.requires_grad for parameter in network.parameters()]
    state = copy.deepcopy(network.state_dict())
    touched = weight_of(network[0])
    touched.grad = torch.ones_like(touched)
    pgd(network, draw_images(), LABELS, epsilon=0.1, step_size=0.05, steps=2, generator=seeded(0))
    assert [module.training for module in network.modules()] == modes
    assert [parameter.requires_grad for parameter in network.parameters()] == trained
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert torch.equal(touched.grad, torch.ones_like(touched))
    assert all(parameter.grad is None for parameter in list(network.parameters())[1:])


class Failing(nn.Module):
    def forward(self, _: Tensor) -> Tensor:
        raise RuntimeError("stop")


def test_the_model_is_restored_after_an_error(network: nn.Sequential) -> None:
    network.append(Failing())
    with pytest.raises(RuntimeError, match="stop"):
        pgd(network, draw_images(), LABELS, epsilon=0.1, step_size=0.05, steps=2, generator=seeded(0))
    assert [module.training for module in network] == [True, False, True, True, True, True, True]
    assert network[5].weight.requires_grad
    assert not network[5].bias.requires_grad


def test_frozen_model_evaluates_and_needs_no_weight_gradient(network: nn.Sequential) -> None:
    with frozen(network):
        assert not any(module.training for module in network.modules())
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_attacks_without_gradients_enabled_around_it(network: nn.Sequential) -> None:
    settings = {"epsilon": 0.1, "step_size": 0.05, "steps": 2}
    expected = pgd(network, draw_images(), LABELS, **settings, generator=seeded(0))  # type: ignore[arg-type]
    with torch.no_grad():
        found = pgd(network, draw_images(), LABELS, **settings, generator=seeded(0))  # type: ignore[arg-type]
    assert torch.equal(found, expected)


def test_robust_accuracy_falls_with_epsilon() -> None:
    model, images = linear_model(), draw_images(count=60)
    labels = model(images).argmax(dim=1)

    def correct(epsilon: float) -> int:
        found = pgd(model, images, labels, epsilon=epsilon, step_size=epsilon / 4, steps=10, generator=seeded(0))
        return int((model(found).argmax(dim=1) == labels).sum())

    counts = [correct(epsilon) for epsilon in (0.0, 0.02, 0.05, 0.1, 0.3, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 60
    assert counts[-1] <= 3


def test_is_stronger_than_noise_of_the_same_size() -> None:
    model, images = linear_model(), draw_images(count=60)
    labels = model(images).argmax(dim=1)
    noisy = uniform_start(images, 0.1, seeded(1))
    found = pgd(model, images, labels, epsilon=0.1, step_size=0.03, steps=10, generator=seeded(1))

    def loss(inputs: Tensor) -> Tensor:
        return functional.cross_entropy(model(inputs), labels)

    assert loss(found) > 3 * loss(noisy)


def test_no_attack_breaks_a_sample_beyond_its_exact_margin() -> None:
    # Linear, two classes: x is robust within |logit difference| / |w_0 - w_1|_1 exactly (ignoring the box).
    model, images = linear_model(classes=2), draw_images(count=60)
    logits = model(images)
    labels = logits.argmax(dim=1)
    weight = weight_of(model[1])
    margin = (logits[:, 0] - logits[:, 1]).abs() / (weight[0] - weight[1]).abs().sum()
    found = pgd(model, images, labels, epsilon=0.03, step_size=0.01, steps=10, generator=seeded(0))
    still_right = model(found).argmax(dim=1) == labels
    assert still_right[margin > 0.03].all()


def test_the_divergence_attack_moves_away_from_the_clean_softmax(network: nn.Sequential) -> None:
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
