import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from toys import linear_margins, seeded

from training.attacks import InnerAttack, InnerAttackSettings, cross_entropy_of
from training.models import Classifier, GaussianBottleneck, NoBottleneck

LABELS = torch.arange(10) % 2


def linear_classifier() -> Classifier:
    """Two classes, so that the margin of an image is a closed form."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Classifier(nn.Flatten(), NoBottleneck(), nn.Linear(36, 2))


def draw_images(count: int = 10) -> Tensor:
    # Away from 0 and 1, so that the box does not shorten any way to the boundary.
    return 0.4 + 0.2 * torch.rand(count, 1, 6, 6, generator=seeded(2))


def make_attack(
    model: Classifier, *, steps: int = 10, start: str = "uniform", sampled: bool = False, norm: str = "linf"
) -> InnerAttack:
    settings = InnerAttackSettings(epsilon=0.1, step_size=0.03, steps=steps, start=start, sampled=sampled, norm=norm)
    return InnerAttack(model, seeded(3), settings)


def exact_margins(model: Classifier, images: Tensor, norm: str = "linf") -> tuple[Tensor, Tensor]:
    """Return labels, all right, and the distances to the boundary."""
    labels = model(images).argmax(dim=1)
    return labels, linear_margins(model, images, labels, norm).float()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_strength_scales_radius_and_step(norm: str, strength: float) -> None:
    model, images = linear_classifier(), draw_images()
    assert isinstance(model.head, nn.Linear)
    weight = model.head.weight.detach()
    towards = weight[1 - LABELS] - weight[LABELS]
    direction = (towards.sign() if norm == "linf" else functional.normalize(towards)).view_as(images)
    found = make_attack(model, norm=norm, steps=60)(images, cross_entropy_of(LABELS), strength=strength)
    torch.testing.assert_close(found, images + strength * 0.1 * direction, rtol=0, atol=1e-5)


def test_the_search_ends_on_the_boundary_at_the_exact_margin() -> None:
    model, images = linear_classifier(), draw_images()
    labels, exact = exact_margins(model, images)
    assert exact.max() < 0.3
    for radii in (torch.full((10,), 0.01), torch.linspace(0.02, 0.3, 10)):
        found, margins = make_attack(model).at_margins(images, labels, radii, largest=0.3)
        torch.testing.assert_close(margins, exact, rtol=0, atol=0.3 / 2**9)
        torch.testing.assert_close((found - images).abs().amax(dim=(1, 2, 3)), margins)


def test_in_l2_the_margin_is_the_length_of_the_way_to_the_boundary() -> None:
    model, images = linear_classifier(), draw_images()
    labels, exact = exact_margins(model, images, "l2")
    largest = 1.1 * exact.max().item()
    for radii in (torch.full((10,), 0.01), torch.linspace(0.02, 0.3, 10)):
        found, margins = make_attack(model, norm="l2", steps=20).at_margins(images, labels, radii, largest=largest)
        # 20 steps of an eighth of the radius bring the direction near that of the weights, not onto it.
        assert (margins > exact - largest / 2**9).all()
        assert (margins < 1.03 * exact + largest / 2**9).all()
        torch.testing.assert_close((found - images).flatten(1).norm(dim=1), margins)
        torch.testing.assert_close(*model(found).unbind(dim=1), rtol=0, atol=1e-2)


def test_images_beyond_the_largest_margin_get_about_that() -> None:
    model, images = linear_classifier(), draw_images()
    labels, exact = exact_margins(model, images)
    largest = exact.median().item()
    _, margins = make_attack(model).at_margins(images, labels, torch.full((10,), 0.001), largest=largest)
    far = exact > 1.001 * largest
    assert far.any()
    assert (margins[far] > 0.998 * largest).all()


def test_images_on_the_boundary_may_leave_the_range_as_in_the_official_code() -> None:
    model = linear_classifier()
    assert isinstance(model.head, nn.Linear)
    model.head.bias.data[0] += 0.4  # dark images with large margins
    images = 0.02 + 0.03 * torch.rand(10, 1, 6, 6, generator=seeded(2))
    labels = model(images).argmax(dim=1)
    found, margins = make_attack(model).at_margins(images, labels, torch.full((10,), 0.01), largest=0.3)
    directions = (found - images) / margins[:, None, None, None]
    torch.testing.assert_close(directions.abs(), torch.ones_like(directions))
    assert found.min() < 0


def test_a_sampled_latent_is_attacked_by_draws() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        bottleneck = GaussianBottleneck(36, 3, sigma_bias=1.0, sigma_floor=1e-3)
        model = Classifier(nn.Flatten(), bottleneck, nn.Linear(3, 2))
    images = draw_images()
    means, draws = make_attack(model), make_attack(model, sampled=True)
    assert torch.equal(means.logits(images), means.logits(images))
    assert not torch.equal(draws.logits(images), draws.logits(images))
    assert not draws.logits(images).requires_grad


def test_the_gaussian_start_begins_close_to_the_images() -> None:
    model, images = linear_classifier(), draw_images()
    seen: list[Tensor] = []

    def loss(logits: Tensor) -> Tensor:
        seen.append(logits)
        return functional.cross_entropy(logits, LABELS, reduction="sum")

    for start in ("gaussian", "uniform"):
        make_attack(model, start=start, steps=1)(images, loss)
    near, far = ((logits - model(images)).abs().max() for logits in seen)
    assert near < 0.01 < far
