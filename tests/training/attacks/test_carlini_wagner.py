import pytest
import torch
import torchattacks
from torch import Tensor, nn
from toys import interior_images, linear_net, problem, relu_net

from training.attacks import CarliniWagner
from training.attacks.adversary import distances


class Shifted(nn.Module):
    """The same classifier with all logits lower: every prediction and every margin stays as it is."""

    def __init__(self, inner: nn.Module, shift: float) -> None:
        super().__init__()
        self.inner, self.shift = inner, shift

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.inner(images) - self.shift
        return logits


def success(model: nn.Module, found: Tensor, labels: Tensor) -> float:
    return float((model(found).argmax(dim=1) != labels).float().mean())


def test_negative_logits_change_nothing() -> None:
    model, images, labels = problem(40)
    attack, lowered = CarliniWagner(steps=60), Shifted(model, 50)
    found, low = attack(model, images, labels, seed=0), attack(lowered, images, labels, seed=0)
    assert success(model, found, labels) > 0.9
    assert success(lowered, low, labels) > 0.9
    torch.testing.assert_close(low, found, rtol=0, atol=1e-3)
    # What is guarded against: the same in the library.
    assert success(lowered, torchattacks.CW(lowered, c=1, steps=60)(images, labels), labels) == 0


def test_pixels_of_exactly_0_and_1_move() -> None:
    model = linear_net(4)
    images = (interior_images(40, side=6) > 0.5).float()
    labels = model(images).argmax(dim=1)
    found = CarliniWagner(steps=100, searches=3)(model, images, labels, seed=0)
    broken = model(found).argmax(dim=1) != labels
    assert broken.float().mean() > 0.9
    assert ((found - images)[broken] != 0).flatten(1).float().mean() > 0.3
    assert found.min() >= 0
    assert found.max() <= 1
    assert success(model, torchattacks.CW(model, c=1, steps=100)(images, labels), labels) == 0


def test_is_as_near_as_that_of_torchattacks_where_the_latter_is_sound() -> None:
    # Logits far above 0 and pixels around mid-grey: there both methods minimise the same function.
    model = Shifted(relu_net(), -50)
    images = 0.5 + 0.2 * (interior_images(40) - 0.5)
    labels = model(images).argmax(dim=1)
    ours = CarliniWagner(steps=200)(model, images, labels, seed=0)
    theirs = torchattacks.CW(model, c=1, steps=200)(images, labels)
    assert success(model, ours, labels) >= success(model, theirs, labels)
    both = (model(ours).argmax(dim=1) != labels) & (model(theirs).argmax(dim=1) != labels)
    near, reference = distances(images, ours, "l2")[both].mean(), distances(images, theirs, "l2")[both].mean()
    assert both.sum() > 20
    assert near <= 1.05 * reference


def test_approaches_the_closed_form_of_a_linear_network() -> None:
    model, images = linear_net(2), interior_images(40, side=6)
    logits = model(images).detach()
    labels = logits.argmax(dim=1)
    weight = next(iter(model.parameters())).detach()
    exact = (logits[:, 0] - logits[:, 1]).abs() / (weight[0] - weight[1]).norm()
    found = CarliniWagner(steps=300, searches=8)(model, images, labels, seed=0)
    assert success(model, found, labels) == 1
    distance = distances(images, found, "l2")
    assert (distance >= exact - 1e-6).all()
    assert distance.sum().item() == pytest.approx(exact.sum().item(), rel=0.1)


def test_an_image_does_not_depend_on_its_batch() -> None:
    model, images, labels = problem(12)
    whole = CarliniWagner(steps=30, searches=3)(model, images, labels, seed=0)
    parts = [
        CarliniWagner(steps=30, searches=3)(model, images[i : i + 1], labels[i : i + 1], seed=0) for i in range(12)
    ]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=0, atol=1e-5)


def test_more_searches_come_nearer_or_succeed_where_one_fails() -> None:
    model, images, labels = problem(40)
    one = CarliniWagner(steps=20, c=0.01)(model, images, labels, seed=0)
    many = CarliniWagner(steps=20, c=0.01, searches=6)(model, images, labels, seed=0)
    assert success(model, many, labels) > success(model, one, labels)


def test_the_name_tells_what_was_run() -> None:
    assert CarliniWagner().name == "C&W (c=1, 20 steps)"
    assert CarliniWagner(searches=6, steps=100).name == "C&W (6 searches, 100 steps)"
