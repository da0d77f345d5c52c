import pytest
import torch
from torch import Tensor, nn

from training.config import ConfigError, parse_trial
from training.models import Classifier, Gaussian, build_model
from training.models.wide_resnet import _PreActivationBlock


def build(architecture: str, shape: tuple[int, int, int], *, bottleneck: int = 16, classes: int = 10) -> Classifier:
    # On the output, so that models without a bottleneck are accepted; it does not change the model.
    values = {"architecture": architecture, "bottleneck": bottleneck, "regularise": "output"}
    config = parse_trial(values)
    return build_model(config, classes, shape)


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_cnn4_has_the_papers_size() -> None:
    # 312,202 without the latent layer, minus Linear(200, 10), plus Linear(200, 256) and Linear(128, 10).
    assert count_parameters(build("cnn4", (1, 28, 28), bottleneck=128)) == 362_938
    assert 312_202 - 2_010 + 51_456 + 1_290 == 362_938


def test_resnet18_has_the_papers_size() -> None:
    # 11,173,962 without the latent layer, minus Linear(512, 10), plus Linear(512, 512) and Linear(256, 10).
    assert count_parameters(build("resnet18", (3, 32, 32), bottleneck=256)) == 11_434_058
    assert 11_173_962 - 5_130 + 262_656 + 2_570 == 11_434_058


# Without the latent layer a backbone has a plain Linear(features, classes). The counts of ResNet-50 and VGG-16 are
# those of the common 32x32 versions: torchvision's resnet50 with another stem and head, and
# VGG-16 without the 4224 biases that its batch norms make useless.
@pytest.mark.parametrize(
    ("architecture", "classes", "features", "parameters"),
    [
        ("wrn34_10", 10, 640, 46_160_474),
        ("wrn34_10", 100, 640, 46_218_164),
        ("resnet50", 10, 2048, 25_557_032 - 2_049_000 - 9_408 + 1_728 + 20_490),
        ("vgg16", 10, 512, 15_253_578 - 4_224),
    ],
)
def test_backbones_with_a_plain_head_have_the_published_size(
    architecture: str, classes: int, features: int, parameters: int
) -> None:
    backbone = build(architecture, (3, 32, 32)).backbone
    assert count_parameters(backbone) + (features + 1) * classes == parameters


def test_wrn34_10_has_the_papers_size_with_its_bottleneck() -> None:
    # 46,160,474 minus Linear(640, 10), plus Linear(640, 640) and Linear(320, 10).
    assert count_parameters(build("wrn34_10", (3, 32, 32), bottleneck=320)) == 46_567_514
    assert 46_160_474 - 6_410 + 410_240 + 3_210 == 46_567_514


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("digits_cnn", (1, 8, 8)),
        ("digits_cnn", (3, 9, 6)),
        ("cnn4", (1, 28, 28)),
        ("cnn4", (3, 32, 17)),
        ("resnet18", (3, 32, 32)),
        ("resnet18", (1, 8, 11)),
        ("resnet50", (3, 32, 32)),
        ("resnet50", (1, 9, 8)),
        ("wrn34_10", (3, 10, 7)),
        ("vgg16", (3, 32, 32)),
        ("vgg16", (1, 64, 33)),
    ],
)
def test_shapes(architecture: str, shape: tuple[int, int, int]) -> None:
    model = build(architecture, shape, bottleneck=6, classes=7)
    latent = model.encode(torch.rand(2, *shape))
    assert isinstance(latent, Gaussian)
    assert latent.mu.shape == latent.sigma.shape == (2, 6)
    assert model(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("digits_cnn", (1, 3, 8)),
        ("cnn4", (1, 8, 8)),
        ("resnet18", (3, 32, 7)),
        ("resnet50", (3, 7, 32)),
        ("wrn34_10", (3, 3, 32)),
        ("vgg16", (1, 28, 28)),
    ],
)
def test_images_too_small_for_the_architecture_are_refused(architecture: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match=f"architecture: The images are {shape[1]}x{shape[2]}"):
        build(architecture, shape)


def test_smallest_images_are_accepted() -> None:
    for architecture, side in [
        ("digits_cnn", 4),
        ("cnn4", 16),
        ("resnet18", 8),
        ("resnet50", 8),
        ("wrn34_10", 4),
        ("vgg16", 32),
    ]:
        model = build(architecture, (1, side, side)).eval()
        assert model(torch.rand(1, 1, side, side)).shape == (1, 10)


def test_only_images_that_suit_digits_cnn_are_sent_there() -> None:
    with pytest.raises(ConfigError, match=r"at least 32x32; .* digits_cnn"):
        build("vgg16", (3, 31, 31))
    with pytest.raises(ConfigError, match=r"at least 4x4\.$"):
        build("wrn34_10", (3, 3, 3))


def test_the_named_layers_of_vgg16_have_the_documented_outputs() -> None:
    model = build("vgg16", (3, 32, 32)).eval()
    expected: dict[str, tuple[int, ...]] = {
        "conv2.relu1": (128, 16, 16),
        "conv3.relu1": (256, 8, 8),
        "conv3": (256, 4, 4),
        "conv5": (512, 1, 1),
        "fc1.relu": (512,),
    }
    named, outputs = dict(model.named_modules()), dict[str, Tensor]()
    for name in expected:
        named[f"backbone.{name}"].register_forward_hook(lambda _m, _i, out, name=name: outputs.update({name: out}))
    model(torch.rand(2, 3, 32, 32))
    assert {name: tuple(out.shape[1:]) for name, out in outputs.items()} == expected


@pytest.mark.parametrize(("channels_in", "stride"), [(4, 1), (3, 2)])
def test_a_wrn_block_activates_before_a_projection_but_not_before_an_identity(channels_in: int, stride: int) -> None:
    block, x = _PreActivationBlock(channels_in, 4, stride), torch.randn(2, channels_in, 6, 6)
    nn.init.zeros_(block.conv2.weight)
    expected = x if block.projection is None else block.projection(torch.relu(block.norm1(x)))
    assert (block.projection is None) == (channels_in == 4)
    torch.testing.assert_close(block(x), expected)


def test_the_convolutions_of_wrn34_10_start_with_he_weights() -> None:
    for module in build("wrn34_10", (3, 32, 32)).backbone.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 10_000:
            area = module.kernel_size[0] * module.kernel_size[1]
            expected = (2 / (area * module.out_channels)) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("architecture", "shape", "expected"), [("cnn4", (1, 28, 28), 312_202), ("resnet18", (3, 32, 32), 11_173_962)]
)
def test_without_a_bottleneck_the_head_is_on_the_features(
    architecture: str, shape: tuple[int, int, int], expected: int
) -> None:
    assert count_parameters(build(architecture, shape, bottleneck=0)) == expected
