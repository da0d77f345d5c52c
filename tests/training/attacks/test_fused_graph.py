"""Copies of networks in which bias, residual sum and ReLU are one pass, against the networks."""

from typing import Any

import pytest
import torch
from test_batch_norm_folding import BACKBONES, Build, drawn, images_of, with_gradient
from torch import Tensor, nn
from torch.nn import functional

from training.attacks.batch_norm_folding import FoldedBackbone
from training.attacks.fused_graph import BiasRelu
from training.compute import bias_relu
from training.models.resnet import resnet18


def fused_parts(network: nn.Module) -> list[BiasRelu]:
    return [module for module in network.modules() if isinstance(module, BiasRelu)]


@pytest.fixture(params=["torch", "fused"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The reference of torch, which float64 has, and the operations that stand for the kernels, with their gradient."""
    if request.param == "fused":
        monkeypatch.setattr(bias_relu, "_TYPES", (torch.float64,))
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("build", "shape"), BACKBONES)
def test_features_and_gradients_are_those_of_the_backbone(build: Build, shape: tuple[int, int, int]) -> None:
    backbone, images = drawn(build, shape), images_of(shape)
    fused = FoldedBackbone(backbone, fused=True)
    torch.testing.assert_close(with_gradient(fused, images), with_gradient(backbone, images))
    assert fused_parts(fused)


def test_every_relu_of_a_resnet_is_fused_with_all_before_it() -> None:
    fused = FoldedBackbone(drawn(resnet18, (3, 8, 8)), fused=True)
    kinds = {type(module) for module in fused.modules()}
    assert len(fused_parts(fused)) == 17
    assert not kinds & {nn.ReLU, nn.BatchNorm2d}
    targets = {node.target for node in fused._traced.graph.nodes if node.op == "call_function"}
    assert not targets & {functional.relu, torch.add}
    assert len([node for node in fused._traced.graph.nodes if "add" in node.name]) == 0


def test_changed_weights_count_from_the_next_refresh_on() -> None:
    """The biases of a convolution and of a projection that are added at once too."""
    backbone, images = drawn(resnet18, (3, 8, 8)), images_of((3, 8, 8))
    fused = FoldedBackbone(backbone, fused=True)
    before = fused(images)
    with torch.no_grad():
        for name, weight in backbone.named_parameters():
            weight.mul_(1.1 if "norm" in name else 0.9)
        for name, buffer in backbone.named_buffers():
            if "running" in name:
                buffer.add_(0.05)
    assert torch.equal(fused(images), before)
    fused.refresh()
    torch.testing.assert_close(fused(images), backbone(images))


class Several(nn.Module):
    """Sums, readers and calls that may be fused, or must not be."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 2, 3, padding=1)
        self.second = nn.Conv2d(2, 2, 1)
        self.relu = nn.ReLU(inplace=True)
        self.shift = nn.Parameter(torch.linspace(-1, 1, 2)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        own = self.relu(self.first(x))
        shared = self.second(own)
        used_twice = torch.relu(shared) + shared
        broadcast = functional.relu(self.first(own) + self.shift)
        scalar = functional.relu(self.first(broadcast) + 0.5)
        doubled = torch.relu(torch.add(self.second(scalar), own, alpha=2))
        other = self.first(doubled)
        other += own
        changed = own * 1.0
        changed += self.second(own)
        three = self.relu(other)
        late = functional.relu(self.relu(self.second(own)) + self.first(own))
        read = late + three + changed.relu() + changed + used_twice + three * three
        result: Tensor = read + three.sum(dim=1, keepdim=True)
        return result


@pytest.mark.usefixtures("way")
def test_sums_and_readers_of_any_network_stay_as_they_are() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network: Any = Several().double().eval()
    images = torch.rand(2, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    fused = FoldedBackbone(network, fused=True)
    torch.testing.assert_close(with_gradient(fused, images), with_gradient(network, images))
    assert len(fused_parts(fused)) == 5


def test_half_precision_keeps_its_types() -> None:
    backbone, images = drawn(resnet18, (3, 8, 8)).float().requires_grad_(False), images_of((3, 8, 8)).float()
    found = []
    for fused in (True, False):
        copy = FoldedBackbone(backbone, torch.bfloat16, fused=fused)
        with torch.autocast("cpu", torch.bfloat16):
            found.append(copy(images))
        assert {part.bias.dtype for part in fused_parts(copy)} <= {torch.float32}
    assert found[0].dtype == found[1].dtype
    exact = backbone(images)
    errors = [float((each.float() - exact).norm() / exact.norm()) for each in found]
    assert errors[0] < 1.2 * errors[1] + 1e-3, "the fused passes round less often"
