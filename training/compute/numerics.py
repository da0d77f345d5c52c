"""Numerical settings of torch for a block of code, restored after it, and the widening of half-precision values."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


@contextmanager
def exact_float32(*, convolutions: str = "ieee") -> Iterator[None]:
    """Turn TF32 off, which cuDNN uses by default: its 10-bit mantissa is too coarse for steps of 0.003.

    With `convolutions="tf32"` CUDA may round the factors of convolutions to TF32. Matrix products stay exact, because
    distances would cancel. All parts are set together: torch refuses to read `allow_tf32` and
    `get_float32_matmul_precision` while its old and its new settings, or convolutions and recurrent layers, differ.
    """
    cuda, cudnn, onednn = _parts()
    parts = (cuda.matmul, onednn.matmul, cudnn.conv, cudnn.rnn)
    before = [part.fp32_precision for part in parts]
    old = _matmul_precision(), _cudnn_allows_tf32()
    torch.set_float32_matmul_precision("highest")
    cudnn.allow_tf32 = convolutions == "tf32"
    for part, precision in zip(parts, ("ieee", "ieee", convolutions, convolutions), strict=True):
        part.fp32_precision = precision
    try:
        yield
    finally:
        # The old settings first: each of them changes new ones.
        torch.set_float32_matmul_precision(old[0])
        cudnn.allow_tf32 = old[1]
        for part, precision in zip(parts, before, strict=True):
            part.fp32_precision = precision


def _parts() -> tuple[Any, Any, Any]:
    """Return torch's settings of cuBLAS, cuDNN and oneDNN; the stubs lack their parts."""
    return torch.backends.cuda, torch.backends.cudnn, torch.backends.mkldnn


# Where somebody mixed torch's settings, it refuses to read the old one, which is then the opposite of the new one.


def _matmul_precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return "highest" if _parts()[0].matmul.fp32_precision == "tf32" else "high"


def _cudnn_allows_tf32() -> bool:
    cudnn = _parts()[1]
    try:
        return bool(cudnn.allow_tf32)
    except RuntimeError:
        return bool(cudnn.conv.fp32_precision != "tf32")


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
