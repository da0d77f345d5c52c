import pytest
import torch

from training.config import ConfigError, TrialConfig
from training.models import Classifier, build_model


def build(architecture: str, shape: tuple[int, int, int], *, bottleneck: int = 16, classes: int = 10) -> Classifier:
    config = TrialConfig.from_mapping({"architecture": architecture, "bottleneck": bottleneck})
    return build_model(config, classes, shape)


def count_parameters(model: Classifier) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_cnn4_has_the_papers_size() -> None:
    # 312,202 without the latent layer, minus Linear(200, 10), plus Linear(200, 256) and Linear(128, 10).
    assert count_parameters(build("cnn4", (1, 28, 28), bottleneck=128)) == 362_938
    assert 312_202 - 2_010 + 51_456 + 1_290 == 362_938


def test_resnet18_has_the_papers_size() -> None:
    # 11,173,962 without the latent layer, minus Linear(512, 10), plus Linear(512, 512) and Linear(256, 10).
    assert count_parameters(build("resnet18", (3, 32, 32), bottleneck=256)) == 11_434_058
    assert 11_173_962 - 5_130 + 262_656 + 2_570 == 11_434_058


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("digits_cnn", (1, 8, 8)),
        ("digits_cnn", (3, 9, 6)),
        ("cnn4", (1, 28, 28)),
        ("cnn4", (3, 32, 17)),
        ("resnet18", (3, 32, 32)),
        ("resnet18", (1, 8, 11)),
    ],
)
def test_shapes(architecture: str, shape: tuple[int, int, int]) -> None:
    model = build(architecture, shape, bottleneck=6, classes=7)
    latent = model.encode(torch.rand(2, *shape))
    assert latent.mu.shape == latent.sigma.shape == (2, 6)
    assert model(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize(
    ("architecture", "shape"), [("digits_cnn", (1, 3, 8)), ("cnn4", (1, 8, 8)), ("resnet18", (3, 32, 7))]
)
def test_images_too_small_for_the_architecture_are_refused(architecture: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match=f"architecture: The images are {shape[1]}x{shape[2]}"):
        build(architecture, shape)


def test_smallest_images_are_accepted() -> None:
    for architecture, side in [("digits_cnn", 4), ("cnn4", 16), ("resnet18", 8)]:
        model = build(architecture, (1, side, side)).eval()
        assert model(torch.rand(1, 1, side, side)).shape == (1, 10)
