import sys

import pytest
import torch
from raises_about import raises_about
from stand_ins import make_config, words_in
from torch import Tensor, nn
from toys import interior_images, linear_net, problem, relu_net

from training.attacks import AttackError, RepresentationAttack
from training.attacks.representation import guides_of
from training.models import build_model


def test_reaches_the_closed_form_where_features_are_the_pixels() -> None:
    # Features = pixels: the nearest point of the box to the guide is the guide, clamped to the box.
    model = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(9, 4))
    images, labels = interior_images(6), torch.tensor([0, 1, 0, 0, 1, 1])
    found = RepresentationAttack(epsilon=0.1, layer="0")(model, images, labels, seed=0)
    guides = images[guides_of(labels)]
    expected = guides.clamp((images - 0.1).clamp_min(0), (images + 0.1).clamp_max(1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", ["1", "2"])
def test_brings_the_features_nearer_to_those_of_the_guide(layer: str) -> None:
    model, images, labels = problem(20)
    guides = guides_of(labels)

    def distance(moved: Tensor) -> Tensor:
        part = model[: int(layer) + 1]  # type: ignore[index]
        return torch.as_tensor((part(moved) - part(images[guides])).square().sum(dim=1))

    before = distance(images)
    reached = [
        distance(RepresentationAttack(epsilon=e, iterations=n, layer=layer)(model, images, labels, seed=0))
        for e, n in ((0.02, 10), (0.05, 10), (0.05, 50))
    ]
    assert (reached[0] <= before + 1e-6).all()
    assert before.sum() > reached[0].sum() > reached[1].sum() >= reached[2].sum() - 1e-6


def test_the_default_layer_is_the_latent_mean() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(make_config(), 4, (1, 8, 8))
    images, labels = interior_images(4, side=8), torch.arange(4)
    found = RepresentationAttack(epsilon=0.1)(model, images, labels, seed=0)
    model.eval()
    with torch.no_grad():
        means, moved = model.encode(images).mu, model.encode(found).mu
    target = means[guides_of(labels)]
    assert ((moved - target).norm(dim=1) < (means - target).norm(dim=1)).all()


def test_a_guide_is_the_next_image_of_another_class() -> None:
    assert guides_of(torch.tensor([0, 0, 1, 0])).tolist() == [2, 2, 3, 2]
    assert guides_of(torch.tensor([3, 3])).tolist() == [0, 1]
    assert guides_of(torch.tensor([3])).tolist() == [0]


def test_an_image_without_a_guide_stays_as_it_is() -> None:
    images = interior_images(3)
    found = RepresentationAttack(epsilon=0.1, layer="1")(relu_net(), images, torch.zeros(3).long(), seed=0)
    assert torch.equal(found, images)


def test_an_unknown_layer_is_refused_with_the_known_ones() -> None:
    with raises_about(AttackError, "layer") as caught:
        RepresentationAttack(epsilon=0.1)(linear_net(4), interior_images(2, side=6), torch.arange(2), seed=0)
    assert words_in(str(caught.value), ("bottleneck", "0", "1")) == ["bottleneck", "0", "1"]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with raises_about(AttackError, "scipy"):
        RepresentationAttack(epsilon=0.1, layer="1")(relu_net(), interior_images(2), torch.arange(2), seed=0)
