"""Networks of torchvision by name: features, stems, channels, and what is refused."""

import pytest
import torch
from stand_ins import make_config
from torch import nn

from training.config import ConfigError, parse_trial
from training.models import GaussianBottleneck, build_model
from training.models.layers import InputConv2d


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("resnet18", 512),
        ("densenet121", 1024),
        ("mobilenet_v3_small", 1024),
        ("shufflenet_v2_x0_5", 1024),
        ("efficientnet_b0", 1280),
        ("vgg11_bn", 4096),
        ("vit_b_16", 768),
    ],
)
def test_bottleneck_and_head_are_put_on_the_features(name: str, features: int) -> None:
    model = build_model(make_config(architecture=f"torchvision:{name}", bottleneck=4), 5, (3, 32, 32))
    assert isinstance(model.bottleneck, GaussianBottleneck)
    assert model.bottleneck.linear.in_features == features
    model.eval()
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 5)


def test_a_network_without_a_linear_layer_ends_with_logits() -> None:
    config = make_config(architecture="torchvision:squeezenet1_1", bottleneck=0, objective="trades")
    assert build_model(config, 5, (1, 32, 32))(torch.rand(2, 1, 32, 32)).shape == (2, 5)


def test_small_images_keep_their_size_through_the_stem() -> None:
    config = make_config(architecture="torchvision:resnet18", bottleneck=0, objective="trades")
    small, large = (build_model(config, 5, (1, side, side)).backbone for side in (32, 64))
    for network, kernel, stride, pooling in ((small, 3, 1, nn.Identity), (large, 7, 2, nn.MaxPool2d)):
        first = network.get_submodule("conv1")
        assert isinstance(first, InputConv2d)
        assert (first.in_channels, first.kernel_size, first.stride) == (1, (kernel, kernel), (stride, stride))
        assert isinstance(network.get_submodule("maxpool"), pooling)
    ours = build_model(make_config(architecture="resnet18", bottleneck=0, objective="trades"), 5, (1, 32, 32)).backbone
    assert sum(p.numel() for p in small.parameters()) == sum(p.numel() for p in ours.parameters())


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_trial({"architecture": "torchvision:resnet81"})
    ((key, message),) = refused.value.problems
    assert key == "architecture"
    assert "resnet18" in message


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        build_model(make_config(architecture="torchvision:alexnet", bottleneck=0, objective="trades"), 5, (1, 8, 8))
    assert [key for key, _ in refused.value.problems] == ["architecture"]
