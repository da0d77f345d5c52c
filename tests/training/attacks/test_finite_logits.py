"""Logits that are not finite: a wrong prediction, and no obstacle for an attack."""

import math

import pytest
import torch
from torch import Tensor, nn
from toys import interior_images, relu_net

from training.attacks.finite_logits import NO_CLASS, classes_of, with_finite_logits


class Spoilt(nn.Module):
    """A network whose logits are NaN where the first pixel is above a half, and infinite below a tenth."""

    def __init__(self) -> None:
        super().__init__()
        self.network = relu_net(seed=0)

    def forward(self, images: Tensor) -> Tensor:
        first = images[:, 0, 0, 0, None]
        spoilt = torch.where(first > 0.5, torch.nan, torch.where(first < 0.1, torch.inf, 0.0))
        logits: Tensor = self.network(images)
        return logits + spoilt


class SpoiltDraws(Spoilt):
    def draw(self, images: Tensor, draws: int) -> Tensor:
        return torch.stack([self(images)] * draws)


def images_at(*first: float) -> Tensor:
    images = interior_images(len(first))
    images[:, 0, 0, 0] = torch.tensor(first)
    return images


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(3))
def test_a_row_with_a_value_that_is_not_finite_has_no_class(value: float, place: int) -> None:
    scores = torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]])
    scores[1, place] = value
    assert classes_of(scores).tolist() == [1, NO_CLASS]


def test_finite_logits_and_gradients_stay_as_they_are() -> None:
    model, images = Spoilt().eval(), images_at(0.2, 0.3)
    found = []
    for each in (model, with_finite_logits(model)):
        leaf = images.clone().requires_grad_()
        logits = each(leaf)
        found.append((logits, *torch.autograd.grad(logits.square().sum(), leaf)))
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


def test_elsewhere_logits_and_gradients_are_zero() -> None:
    leaf = images_at(0.9, 0.3, 0.05).requires_grad_()
    logits = with_finite_logits(Spoilt().eval())(leaf)
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(logits, torch.tensor([0, 0, 0])), leaf)
    assert [bool((row == 0).all()) for row in logits] == [True, False, True]
    assert [bool((row == 0).all()) for row in gradient] == [True, False, True]


def test_the_layers_have_the_names_of_the_model() -> None:
    model = Spoilt()
    guarded = with_finite_logits(model)
    assert list(dict(guarded.named_modules()))[1:] == list(dict(model.named_modules()))[1:]
    assert all(first is second for first, second in zip(guarded.parameters(), model.parameters(), strict=True))
    bare = nn.Linear(4, 3)
    assert dict(with_finite_logits(bare).named_parameters()).keys() == {"weight", "bias"}


def test_draws_are_finite_if_the_model_has_them() -> None:
    images = images_at(0.9, 0.3)
    assert with_finite_logits(SpoiltDraws()).draw(images, 4).isfinite().all()  # type: ignore[operator]
    assert not hasattr(with_finite_logits(Spoilt()), "draw")


def test_a_gradient_that_is_not_finite_becomes_zero() -> None:
    class Root(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return (images.flatten(1) - 0.5).abs().sqrt()

    leaf = torch.full((1, 1, 1, 2), 0.5, requires_grad=True)
    assert torch.autograd.grad(Root()(leaf).sum(), leaf)[0].isfinite().all().item() is False
    assert torch.autograd.grad(with_finite_logits(Root())(leaf).sum(), leaf)[0].tolist() == [[[[0.0, 0.0]]]]
