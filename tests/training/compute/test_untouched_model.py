"""A model is as it was after code from outside ran on it."""

import pytest
import torch
from torch import nn

from training.compute.untouched_model import ModelChangedError, untouched


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_gradients_and_flags_are_put_back() -> None:
    model = network()
    weight = model.get_parameter("0.weight")
    kept = weight.grad = torch.ones_like(weight)
    with untouched(model):
        model.requires_grad_(requires_grad=False)
        weight.grad = None
    assert weight.grad is kept
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("fails", [False, True])
def test_changed_weights_and_statistics_are_put_back_and_told(*, fails: bool) -> None:
    model = network()
    before = state(model)

    def run() -> None:
        with untouched(model):
            model(torch.rand(4, 1, 8, 8))  # in training mode: the statistics move
            if fails:
                raise KeyError

    with pytest.raises(KeyError if fails else ModelChangedError) as caught:
        run()
    assert fails or str(caught.value) == "1.running_mean"
    for name, value in state(model).items():
        assert torch.equal(value, before[name])
