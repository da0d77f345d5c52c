"""States of fused optimisers whose tensors lie in another order than the weights: channels last or not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training.compute.optimiser_state import load_optimiser_state

Make = Callable[..., torch.optim.Optimizer]
OPTIMISERS: list[tuple[Make, dict[str, Any]]] = [
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (torch.optim.Adam, {"lr": 0.1}),
    (torch.optim.Adam, {"lr": 0.1, "amsgrad": True}),
]


def convolution(memory_format: torch.memory_format) -> nn.Conv2d:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Conv2d(4, 6, 3).to(memory_format=memory_format)


def step(weights: nn.Conv2d, optimiser: torch.optim.Optimizer, seed: int) -> None:
    images = torch.rand(2, 4, 5, 5, generator=torch.Generator().manual_seed(seed))
    optimiser.zero_grad()
    torch.autograd.backward(weights(images).square().sum())
    optimiser.step()


def tensors(state: dict[str, Any]) -> list[Tensor]:
    return [value for values in state["state"].values() for value in values.values() if isinstance(value, Tensor)]


@pytest.mark.parametrize(("make", "settings"), OPTIMISERS)
@pytest.mark.parametrize("saved", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("loaded", [torch.contiguous_format, torch.channels_last])
def test_steps_after_a_load_are_those_of_one_optimiser(
    make: Make, settings: dict[str, Any], saved: torch.memory_format, loaded: torch.memory_format
) -> None:
    first = convolution(saved)
    optimiser = make(first.parameters(), **settings, fused=True)
    step(first, optimiser, 1)
    second = convolution(loaded)
    second.load_state_dict(first.state_dict())
    other = make(second.parameters(), **settings, fused=True)
    load_optimiser_state(other, optimiser.state_dict())
    assert not {v.data_ptr() for v in tensors(optimiser.state_dict())} & {
        v.data_ptr() for v in tensors(other.state_dict())
    }
    for seed in (2, 3):
        step(first, optimiser, seed)
        step(second, other, seed)
    torch.testing.assert_close(dict(second.named_parameters()), dict(first.named_parameters()))
    for parameter, values in other.state.items():
        assert all(v.stride() == parameter.stride() for v in values.values() if v.shape == parameter.shape)
