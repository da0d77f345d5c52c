import pytest
import torch
from raises_about import raises_about
from torch import Tensor, nn
from toys import interior_images, linear_net, noisy_classifier

from training.attacks import AttackError, CarliniWagner, Fgsm
from training.evaluation.checks import (
    InvalidImagesError,
    RandomisedModelError,
    count_zero_gradients,
    outputs_are_probabilities,
    require_sound_model,
    require_valid_images,
)
from training.evaluation.latent import SampledClassifier


def test_sound_models_pass() -> None:
    require_sound_model(linear_net(4), interior_images(5, side=6), deterministic=True)


def test_randomness_is_refused_where_there_must_be_none() -> None:
    model = SampledClassifier(noisy_classifier(0.5), torch.device("cpu"))
    require_sound_model(model, interior_images(5, side=6), deterministic=False)
    with raises_about(RandomisedModelError, "latent"):
        require_sound_model(model, interior_images(5, side=6), deterministic=True)


def test_images_in_the_ball_pass_in_float32() -> None:
    images = interior_images(4)
    edge = (images.double() + 0.1).clamp(0, 1)
    assert require_valid_images(Fgsm(epsilon=0.1), images, edge).dtype == torch.float32
    assert torch.equal(require_valid_images(CarliniWagner(), images, 1 - images), 1 - images)
    assert len(require_valid_images(Fgsm(epsilon=0.1), images[:0], images[:0])) == 0


@pytest.mark.parametrize(
    ("moved", "rule"),
    [
        (interior_images(4) + 0.1 + 2e-6, "epsilon"),  # 5e-7 is rounding
        (interior_images(4) - 1, "range"),
        (interior_images(4) * torch.nan, "finite"),
        (interior_images(4)[:, :, :2], "shape"),
    ],
)
def test_images_outside_ball_or_box_are_refused(moved: Tensor, rule: str) -> None:
    images = interior_images(4)
    require_valid_images(Fgsm(epsilon=0.1), images, images + 0.1 + 5e-7)
    with raises_about(InvalidImagesError, rule):
        require_valid_images(Fgsm(epsilon=0.1), images, moved)


class Saturated(nn.Module):
    """Logits so far apart that float32 knows no cross-entropy, for images brighter than the middle."""

    def forward(self, images: Tensor) -> Tensor:
        brightness = images.flatten(1).mean(dim=1)
        return torch.stack([torch.where(brightness > 0.5, 1e4, 1.0) * brightness, torch.zeros_like(brightness)], dim=1)


def test_zero_gradients_are_counted() -> None:
    images = torch.cat([torch.full((3, 1, 2, 2), 0.6), torch.full((2, 1, 2, 2), 0.4)])
    assert count_zero_gradients(Saturated(), images, torch.zeros(5, dtype=torch.int64)) == 3
    assert count_zero_gradients(Saturated(), images[:0], torch.zeros(0, dtype=torch.int64)) == 0


def test_probabilities_are_told_from_logits() -> None:
    model, images = linear_net(4), interior_images(5, side=6)
    assert not outputs_are_probabilities(model, images)
    assert outputs_are_probabilities(nn.Sequential(model, nn.Softmax(dim=1)), images)
    assert not outputs_are_probabilities(nn.Sequential(model, nn.ReLU()), images)


class _Centred(nn.Module):
    """A model that subtracts the mean of the batch, as batch norm in training mode does."""

    def __init__(self) -> None:
        super().__init__()
        self.network = linear_net(3)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images - images.mean(dim=0, keepdim=True))
        return logits


def test_a_model_that_looks_at_the_whole_batch_is_refused() -> None:
    images = interior_images(6, side=6)
    with raises_about(AttackError, "batch"):
        require_sound_model(_Centred(), images, deterministic=True)
    require_sound_model(linear_net(3), images, deterministic=True)
