"""Keeping the information terms out of low precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Widen half-precision values; float32 and float64 (the tests' precision) stay as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


@contextmanager
def no_autocast(device: torch.device) -> Iterator[None]:
    """Keep matrix products in their inputs' precision: in bfloat16 squared distances are off by factors."""
    with torch.autocast(device.type, enabled=False):
        yield
