import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from toys import seeded

from training.attacks.batch_norm_folding import FoldedBackbone
from training.models.cnn import cnn4, digits_cnn
from training.models.resnet import resnet18
from training.models.resnet50 import resnet50
from training.models.vgg import vgg16
from training.models.wide_resnet import wrn34_10

Build = Callable[[tuple[int, int, int]], tuple[nn.Module, int]]
BACKBONES = [
    (digits_cnn, (1, 8, 8)),
    (cnn4, (1, 16, 16)),
    (resnet18, (3, 8, 8)),
    (vgg16, (3, 32, 32)),
    pytest.param(resnet50, (3, 8, 8), marks=pytest.mark.slow),
    pytest.param(wrn34_10, (3, 8, 8), marks=pytest.mark.slow),
]


def drawn(build: Build, shape: tuple[int, int, int]) -> nn.Module:
    """Build a backbone in float64 with weights, scales, shifts and statistics all drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        backbone: nn.Module = build(shape)[0].double()
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                for value in (module.weight, module.running_var):
                    assert value is not None
                    nn.init.uniform_(value, 0.5, 1.5)
                for value in (module.bias, module.running_mean):
                    assert value is not None
                    nn.init.normal_(value, std=0.1)
    return backbone.eval()


def with_gradient(backbone: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    leaf = images.clone().requires_grad_()
    features = backbone(leaf)
    return features.detach(), torch.autograd.grad(features.square().sum(), leaf)[0]


def images_of(shape: tuple[int, int, int]) -> Tensor:
    return torch.rand(3, *shape, dtype=torch.float64, generator=seeded(1))


@pytest.mark.parametrize(("build", "shape"), BACKBONES)
def test_features_and_gradients_are_those_of_the_backbone(build: Build, shape: tuple[int, int, int]) -> None:
    backbone, images = drawn(build, shape), images_of(shape)
    expected = with_gradient(backbone, images)
    folded = FoldedBackbone(backbone)
    torch.testing.assert_close(with_gradient(folded, images), expected)
    # Its blocks have their norms before ReLU and convolution.
    keeps_norms = build is wrn34_10
    assert any(isinstance(module, nn.BatchNorm2d) for module in folded.modules()) is keeps_norms
    assert torch.equal(with_gradient(backbone, images)[0], expected[0])


def test_a_norm_before_its_convolution_stays() -> None:
    """As in a pre-activation block: a shift does not pass through ReLU and zero padding."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        backbone = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4))
    backbone.double().eval()
    folded = FoldedBackbone(backbone)
    kept = [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    assert kept == [backbone[0]]
    images = images_of((2, 5, 5))
    torch.testing.assert_close(with_gradient(folded, images), with_gradient(backbone, images))


def test_changed_weights_and_statistics_count_from_the_next_refresh_on() -> None:
    backbone, images = drawn(digits_cnn, (1, 8, 8)), images_of((1, 8, 8))
    folded = FoldedBackbone(backbone)
    before = folded(images)
    with torch.no_grad():
        backbone.get_parameter("0.weight").mul_(2)
        backbone.get_buffer("1.running_mean").add_(0.5)
    assert torch.equal(folded(images), before)
    folded.refresh()
    assert not torch.allclose(folded(images), before)
    torch.testing.assert_close(folded(images), backbone(images))


def test_dropout_follows_the_mode_of_the_backbone() -> None:
    backbone, images = drawn(cnn4, (1, 16, 16)), images_of((1, 16, 16))
    folded = FoldedBackbone(backbone)
    assert torch.equal(folded(images), folded(images))
    backbone.train()
    assert not torch.equal(folded(images), folded(images))


def test_it_keeps_no_weights_alive() -> None:
    """CUDA's memory waits for no garbage collection: a reused process would run out of it."""
    backbone = drawn(resnet18, (3, 8, 8))
    alive = [weakref.ref(parameter) for parameter in backbone.parameters()]
    folded = FoldedBackbone(backbone)
    folded(images_of((3, 8, 8)))
    enabled = gc.isenabled()
    gc.disable()
    try:
        del folded, backbone
        assert not any(reference() is not None for reference in alive)
    finally:
        if enabled:
            gc.enable()


def test_it_has_no_weights_to_train() -> None:
    backbone = drawn(resnet18, (3, 8, 8))
    folded = FoldedBackbone(backbone)
    images = images_of((3, 8, 8))
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    (gradient,) = torch.autograd.grad(folded(images.requires_grad_()).sum(), images)
    assert gradient.shape == images.shape
    assert list(folded.parameters()) == []
