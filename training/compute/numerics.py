"""Numerical settings of torch for a block of code, restored after it, and the widening of half-precision values."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def exact_float32(*, convolutions: str = "ieee") -> Iterator[None]:
    """Turn TF32 off, which cuDNN uses by default: its 10-bit mantissa is too coarse for steps of 0.003.

    With `convolutions="tf32"` CUDA may round the factors of convolutions to TF32. Matrix products stay exact, because
    distances would cancel.
    """
    matmul = torch.backends.cuda.matmul
    conv = torch.backends.cudnn.conv  # type: ignore[attr-defined] # missing in the stubs
    before = (matmul.fp32_precision, conv.fp32_precision)
    matmul.fp32_precision, conv.fp32_precision = "ieee", convolutions
    try:
        yield
    finally:
        matmul.fp32_precision, conv.fp32_precision = before


@contextmanager
def repeatable_convolutions() -> Iterator[None]:
    """Let cuDNN use only deterministic kernels, and choose the same kernel each time."""
    before = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


def at_least_float32(tensor: Tensor) -> Tensor:
    """Convert half-precision values to float32; float32 and float64 (which the tests use) stay unchanged."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def no_autocast(device: torch.device) -> torch.autocast:
    """Compute matrix products in the precision of their inputs: in bfloat16 squared distances would be far off."""
    return torch.autocast(device.type, enabled=False)
