import copy

import pytest
import torch
from stand_ins import make_config, make_data, random_states, same_weights
from torch import Tensor, nn

from training.attacks import Pgd
from training.data import ImageSet
from training.data.augment import to_unit
from training.models import build_model
from training.trainer.measured import MEASURING_SEED
from training.trainer.validation import validate


@pytest.fixture
def model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(make_config(), 4, (1, 8, 8))


@pytest.mark.parametrize("size", [1, 7, 13, 30, 500])
def test_natural_accuracy_is_correct_over_total_in_batches_of_any_size(model: nn.Module, size: int) -> None:
    images = make_data().validation
    with torch.no_grad():
        predicted = copy.deepcopy(model).eval()(to_unit(images.images)).argmax(dim=1)
    # 30 images in batches of 7 or 13: the last batch is short, and a mean of batch means would differ.
    expected = (predicted == images.labels).sum().item() / 30
    assert validate(model, images, make_config(eval_batch_size=size))["natural_accuracy"] == expected


def test_epsilon_zero_gives_the_natural_accuracy(model: nn.Module) -> None:
    values = validate(model, make_data().validation, make_config(epsilon=0))
    assert values["pgd_accuracy"] == values["natural_accuracy"]


class Brightness(nn.Module):
    """Class 0 for dark images, class 1 for bright ones."""

    def forward(self, images: Tensor) -> Tensor:
        brightness = images.flatten(1).mean(dim=1)
        return torch.stack([0.5 - brightness, brightness - 0.5], dim=1)


def test_a_clean_error_is_never_robust() -> None:
    # Brightness 0.45 (right, breakable), 0.1 (right, out of reach of epsilon 0.1), 0.55 (wrong already).
    levels = torch.tensor([115, 26, 140], dtype=torch.uint8)
    images = ImageSet(levels.view(3, 1, 1, 1).expand(3, 1, 4, 4).contiguous(), torch.zeros(3, dtype=torch.int64))
    values = validate(Brightness(), images, make_config(epsilon=0.1, eval_attack_steps=10))
    assert values == {"natural_accuracy": 2 / 3, "pgd_accuracy": 1 / 3}


def test_the_norm_decides_what_can_be_broken() -> None:
    # The brightness of 16 pixels moves by 0.1 in the l-infinity ball of 0.1, and by a quarter of that in the l2 ball.
    levels = torch.tensor([115, 124], dtype=torch.uint8)
    images = ImageSet(levels.view(2, 1, 1, 1).expand(2, 1, 4, 4).contiguous(), torch.zeros(2, dtype=torch.int64))
    sizes = {"epsilon": 0.1, "eval_attack_steps": 20}
    assert validate(Brightness(), images, make_config(**sizes))["pgd_accuracy"] == 0
    assert validate(Brightness(), images, make_config(**sizes, norm="l2"))["pgd_accuracy"] == 0.5


class Confident(Brightness):
    """As `Brightness`, but so sure that the cross-entropy of a correct image has a gradient of 0 in float32."""

    def forward(self, images: Tensor) -> Tensor:
        return 1e4 * super().forward(images)


@pytest.mark.parametrize("batch_size", [2, 500])
def test_the_robust_accuracy_sees_through_a_gradient_that_vanishes(batch_size: int) -> None:
    # Brightness 0.45 can be moved over 0.5 within epsilon 0.1, 0.1 cannot.
    levels = torch.tensor([115, 26, 140], dtype=torch.uint8)
    images = ImageSet(levels.view(3, 1, 1, 1).expand(3, 1, 4, 4).contiguous(), torch.zeros(3, dtype=torch.int64))
    config = make_config(epsilon=0.1, eval_attack_steps=10, eval_batch_size=batch_size, metrics=["robust_accuracy"])
    values = validate(Confident(), images, config)
    assert values == {"natural_accuracy": 2 / 3, "pgd_accuracy": 2 / 3, "robust_accuracy": 1 / 3}


@pytest.mark.parametrize("batch_size", [7, 30])
def test_the_robust_accuracy_is_that_of_the_two_attacks(model: nn.Module, batch_size: int) -> None:
    """The same attacks of an evaluation, from the same starts, where one batch has all images."""
    config = make_config(eval_batch_size=batch_size, metrics=["robust_accuracy"])
    images = make_data().validation
    values = validate(model, images, config)
    assert values["robust_accuracy"] <= values["pgd_accuracy"]
    if batch_size < len(images):
        return
    clean, right = to_unit(images.images), torch.ones_like(images.labels, dtype=torch.bool)
    size, steps = config.eval_attack_step_size, config.eval_attack_steps
    attacks = [Pgd(epsilon=config.epsilon, step_size=size, steps=steps, loss=loss) for loss in ("ce", "margin")]
    for attacked in [clean, *(attack(model, clean, images.labels, seed=MEASURING_SEED) for attack in attacks)]:
        right &= model.eval()(attacked).argmax(dim=1) == images.labels
    assert values["robust_accuracy"] == right.double().mean().item()


class Flipping(nn.Module):
    """Wrong on the images as they are, right on every other input: an attack can only help it."""

    def __init__(self, clean: Tensor) -> None:
        super().__init__()
        self.clean = clean

    def forward(self, images: Tensor) -> Tensor:
        moved = (images - self.clean).abs().flatten(1).amax(dim=1)
        return torch.stack([moved - 1e-6, torch.zeros_like(moved)], dim=1)


def test_an_attack_that_corrects_an_error_does_not_count() -> None:
    pixels = torch.full((2, 1, 4, 4), 100, dtype=torch.uint8)
    images = ImageSet(pixels, torch.zeros(2, dtype=torch.int64))
    values = validate(Flipping(to_unit(pixels)), images, make_config())
    assert values == {"natural_accuracy": 0, "pgd_accuracy": 0}


def test_eval_images_takes_the_first_ones(model: nn.Module) -> None:
    images = make_data().validation
    first = ImageSet(images.images[:17], images.labels[:17])
    config = make_config(eval_images=17)
    assert validate(model, images, config) == validate(model, first, config)
    assert validate(model, images, make_config(eval_images=900)) == validate(model, images, make_config())


def test_nothing_but_the_arguments_matters_and_nothing_is_disturbed(model: nn.Module) -> None:
    images, config = make_data().validation, make_config()
    model.train()
    before, states = copy.deepcopy(model), random_states()
    first = validate(model, images, config)
    assert random_states() == states
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert same_weights(model, before)
    torch.rand(3)
    assert validate(model.eval(), images, make_config(seed=5)) == first
