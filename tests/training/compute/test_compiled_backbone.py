"""Compiled training passes against plain ones, and what happens without a compiler."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from stand_ins import make_config, make_data, same_weights, without_seconds
from torch import Tensor, nn

from training.compute.compiled_backbone import CompiledBackbone
from training.models import build_model
from training.trainer import Trainer


def backbone() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build_model(make_config(), 4, (1, 8, 8)).backbone


def features_and_gradients(network: nn.Module) -> list[Tensor]:
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(2)).requires_grad_()
    features = network(images)
    leaves = [images, *network.parameters()]
    found = [features.detach()]
    for loss in (features.sum(), features.square().sum()):  # as gradient norms do
        found += torch.autograd.grad(loss, leaves, retain_graph=True)
    return [*found, *(buffer.clone() for buffer in network.buffers())]


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_features_gradients_and_statistics_are_those_of_the_backbone(backend: str) -> None:
    compiled = CompiledBackbone(backbone(), backend=backend)
    found = features_and_gradients(compiled)
    assert compiled.fallback is None
    # Compiled sums have another order: in float32 a gradient of about 1 differs by 1e-5.
    torch.testing.assert_close(found, features_and_gradients(backbone()), rtol=1e-3, atol=1e-4)
    assert list(compiled.state_dict()) == [f"inner.{name}" for name in backbone().state_dict()]


def no_compiler(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
    """As torch.compile does, fail at the first call."""
    del function

    def call(images: Tensor) -> Tensor:
        raise RuntimeError(f"Failed to find a C compiler for {images.shape}")

    return call


def idle_compiler(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
    return function


@pytest.mark.parametrize(("compiler", "told"), [(idle_compiler, 0), (no_compiler, 1)])
def test_a_trial_without_a_compiler_trains_the_same_and_says_why(
    monkeypatch: pytest.MonkeyPatch, compiler: Any, told: int
) -> None:
    monkeypatch.setattr(torch, "compile", compiler)
    trainers = [Trainer(make_config(compile=mode, precision="fp32"), make_data(), "cpu") for mode in ("full", "auto")]
    for trainer in trainers:
        trainer.train_epoch()
    assert len(trainers[0].fallbacks) == told
    assert without_seconds(trainers[0].history) == without_seconds(trainers[1].history)
    assert same_weights(trainers[0].model, trainers[1].model)


def test_a_lack_of_memory_is_no_lack_of_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        del function

        def call(images: Tensor) -> Tensor:
            raise torch.OutOfMemoryError(f"CUDA out of memory for {images.shape}")

        return call

    monkeypatch.setattr(torch, "compile", full)
    compiled = CompiledBackbone(backbone())
    with pytest.raises(torch.OutOfMemoryError):
        compiled(torch.zeros(2, 1, 8, 8))
