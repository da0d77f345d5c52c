"""Tensors with shapes and devices but without values: a training that computes nothing, for counts and tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily


@contextmanager
def without_values() -> Iterator[None]:
    """Make fake tensors in a block. The states of the host's generators stay real: their memory is read."""
    with ExitStack() as stack:
        for place, name in (
            (torch, "from_numpy"),
            (Tensor, "numpy"),
            (torch, "get_rng_state"),
            (torch, "set_rng_state"),
        ):
            stack.enter_context(mock.patch.object(place, name, _outside(getattr(place, name))))
        stack.enter_context(mock.patch.object(nn.Module, "_apply", _replaced))
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        yield


def _replaced(module: nn.Module, change: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Move a module as torch does, but with new parameters: fake ones cannot be changed in place."""
    for child in module.children() if recurse else ():
        _replaced(child, change)
    for name, parameter in module._parameters.items():  # noqa: SLF001 - as torch's own method does
        if parameter is not None:
            module._parameters[name] = nn.Parameter(change(parameter.detach()), parameter.requires_grad)  # noqa: SLF001
    for name, buffer in module._buffers.items():  # noqa: SLF001
        module._buffers[name] = None if buffer is None else change(buffer)  # noqa: SLF001
    return module


def _outside(function: Any) -> Any:
    """Return a function that makes real tensors also among fake ones."""

    def call(*arguments: Any) -> Any:
        with unset_fake_temporarily():
            return function(*arguments)

    return call
