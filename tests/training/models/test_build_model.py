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


# Without a bottleneck the head is Linear(features, classes). The counts of ResNet-50 and VGG-16 are those of the common
# 32x32 versions: torchvision's resnet50 with another stem and head, and VGG-16 without the 4224 biases that its batch
# norms make useless. With one it is Linear(features, 2 * bottleneck) and Linear(bottleneck, classes).
@pytest.mark.parametrize(
    ("architecture", "shape", "bottleneck", "classes", "parameters"),
    [
        ("cnn4", (1, 28, 28), 0, 10, 312_202),
        ("cnn4", (1, 28, 28), 128, 10, 312_202 - 2_010 + 51_456 + 1_290),
        ("resnet18", (3, 32, 32), 0, 10, 11_173_962),
        ("resnet18", (3, 32, 32), 256, 10, 11_173_962 - 5_130 + 262_656 + 2_570),
        ("wrn34_10", (3, 32, 32), 0, 10, 46_160_474),
        ("wrn34_10", (3, 32, 32), 0, 100, 46_218_164),
        ("wrn34_10", (3, 32, 32), 320, 10, 46_160_474 - 6_410 + 410_240 + 3_210),
        ("resnet50", (3, 32, 32), 0, 10, 25_557_032 - 2_049_000 - 9_408 + 1_728 + 20_490),
        ("vgg16", (3, 32, 32), 0, 10, 15_253_578 - 4_224),
    ],
)
def test_models_have_the_published_size(
    architecture: str, shape: tuple[int, int, int], bottleneck: int, classes: int, parameters: int
) -> None:
    model = build(architecture, shape, bottleneck=bottleneck, classes=classes)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


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
    ("architecture", "least"),
    [("digits_cnn", 4), ("cnn4", 16), ("resnet18", 8), ("resnet50", 8), ("wrn34_10", 4), ("vgg16", 32)],
)
def test_images_too_small_for_the_architecture_are_refused(architecture: str, least: int) -> None:
    model = build(architecture, (1, least, least)).eval()
    assert model(torch.rand(1, 1, least, least)).shape == (1, 10)
    for height, width in ((least - 1, least), (least, least - 1)):
        with pytest.raises(ConfigError) as caught:
            build(architecture, (1, height, width))
        ((key, message),) = caught.value.problems
        assert key == "architecture"
        assert f"{height}x{width}" in message
        assert f"{least}x{least}" in message
        # Images that are too small for wrn34_10 are too small for digits_cnn as well.
        assert ("digits_cnn" in message) == (architecture != "wrn34_10")


@pytest.mark.parametrize("bottleneck", [10**14, 10**21])
def test_a_bottleneck_that_no_memory_holds_is_refused(bottleneck: int) -> None:
    with pytest.raises(ConfigError) as caught:
        build("digits_cnn", (1, 8, 8), bottleneck=bottleneck)
    assert [key for key, _ in caught.value.problems] == ["bottleneck"]


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
