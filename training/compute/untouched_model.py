"""Runs code from outside on a model that is trained or measured, and finds out whether it changed the model."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class ModelChangedError(Exception):
    """The block changed a model's weights or statistics, which were put back; the message is the name of one tensor."""


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Run a block, and put back the weights, statistics, gradients and flags of a model, also after an error.

    Raise ModelChangedError if the block ends without an error and has changed the weights or the statistics.
    """
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    flags = [(parameter, parameter.grad, parameter.requires_grad) for parameter in model.parameters()]
    changed: list[str] = []
    try:
        yield
    finally:
        for parameter, gradient, is_trained in flags:
            parameter.grad = gradient
            parameter.requires_grad_(is_trained)
        changed += [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
        if changed:
            model.load_state_dict(before)
    if changed:
        raise ModelChangedError(changed[0])
