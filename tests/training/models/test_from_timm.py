"""timm's networks by name. Without timm, a stand-in shows what is asked of it."""

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from training.config import ConfigError, parse_trial
from training.models import build_model
from training.models.layers import InputConv2d

NEEDS_TIMM = pytest.mark.skipif(find_spec("timm") is None, reason="needs timm")


class Net(nn.Module):
    """A strided stem with its max-pooling, and a head of so many outputs, or none."""

    def __init__(self, in_chans: int, num_classes: int, *, pools: bool = True) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_chans, 4, 7, 2, 3), nn.Conv2d(4, 6, 3, padding=1), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 8, 1)
        )
        self.fc = nn.Linear(8, num_classes) if num_classes else nn.Identity()
        self.pools = pools or bool(num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.stem(x)
        return self.fc(hidden.mean(dim=(2, 3))) if self.pools else hidden


def create_model(name: str, *, pretrained: bool, in_chans: int, num_classes: int, **options: Any) -> nn.Module:
    assert not pretrained
    if name != "patches":
        return Net(in_chans, num_classes, pools=name != "unpooled", **options)
    size, patch = options.pop("img_size"), options.pop("patch_size")
    assert not options
    tokens = nn.Conv2d(in_chans, 8, patch, patch)
    return nn.Sequential(tokens, nn.Flatten(), nn.Linear(8 * (size[0] // patch) * (size[1] // patch), 5))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("timm")
    vars(module).update(create_model=create_model, list_models=lambda: ["plain", "unpooled", "patches"])
    monkeypatch.setitem(sys.modules, "timm", module)


def build(name: str, shape: tuple[int, int, int], bottleneck: int = 4) -> nn.Module:
    values = {"architecture": f"timm:{name}", "bottleneck": bottleneck, "objective": "natural"}
    model = build_model(parse_trial(values), 10, shape)
    assert model.eval()(torch.rand(2, *shape)).shape == (2, 10)
    return model


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("side", "stride", "pools"), [(32, (1, 1), 0), (64, (2, 2), 1)])
def test_small_images_change_the_stem(side: int, stride: tuple[int, int], pools: int) -> None:
    model = build("plain", (1, side, side))
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    assert (type(first), first.stride) == (InputConv2d, stride)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in model.modules()) == pools


@pytest.mark.usefixtures("stand_in")
def test_patches_of_small_images_are_an_eighth_of_a_side() -> None:
    first = next(layer for layer in build("patches", (3, 16, 16)).modules() if isinstance(layer, nn.Conv2d))
    assert (type(first), first.stride, first.kernel_size) == (InputConv2d, (2, 2), (2, 2))


@pytest.mark.usefixtures("stand_in")
def test_a_network_without_pooled_features_gives_logits() -> None:
    build("unpooled", (3, 32, 32), bottleneck=0)
    with pytest.raises(ConfigError) as caught:
        build("unpooled", (3, 32, 32), bottleneck=4)
    assert [key for key, _ in caught.value.problems] == ["bottleneck"]


def test_without_timm_and_for_an_unknown_name_the_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError) as caught:
        parse_trial({"architecture": "timm:resnet18"})
    assert "pip install" in str(caught.value)
    stand_in_module = ModuleType("timm")
    vars(stand_in_module).update(list_models=lambda: ["resnet18"])
    monkeypatch.setitem(sys.modules, "timm", stand_in_module)
    with pytest.raises(ConfigError) as caught:
        parse_trial({"architecture": "timm:resnet19"})
    assert [key for key, _ in caught.value.problems] == ["architecture"]


@NEEDS_TIMM
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8)])
@pytest.mark.parametrize("name", ["resnet18", "resnet26d", "convnext_atto", "vit_tiny_patch16_224", "efficientnet_b0"])
def test_networks_of_timm_take_small_images(name: str, shape: tuple[int, int, int]) -> None:
    build(name, shape)
