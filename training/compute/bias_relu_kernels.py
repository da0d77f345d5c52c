"""Triton's kernels of `bias_relu`. This file can be imported only where Triton is installed.

A tensor is read and written in the order of its memory. `inner` is the number of neighbours in memory that share a
channel: 1 with channels last, height times width otherwise. It and the number of channels are constants of a kernel, so
that no division is computed; a network has few such pairs.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 1024


@triton.jit
def _forward(
    x,
    bias,
    residual,
    out,
    count,
    channels: tl.constexpr,
    inner: tl.constexpr,
    adds: tl.constexpr,
    block: tl.constexpr,
):
    places = tl.program_id(0) * block + tl.arange(0, block)
    inside = places < count
    value = tl.load(x + places, mask=inside, other=0.0).to(tl.float32)
    value += tl.load(bias + (places // inner) % channels, mask=inside, other=0.0).to(tl.float32)
    if adds:
        value += tl.load(residual + places, mask=inside, other=0.0).to(tl.float32)
    # Compared this way NaN stays NaN, as in torch.
    value = tl.where(value <= 0.0, 0.0, value)
    tl.store(out + places, value.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _backward(first, second, out, result, count, adds: tl.constexpr, block: tl.constexpr):
    places = tl.program_id(0) * block + tl.arange(0, block)
    inside = places < count
    gradient = tl.load(first + places, mask=inside, other=0.0).to(tl.float32)
    if adds:
        gradient += tl.load(second + places, mask=inside, other=0.0).to(tl.float32)
    value = tl.load(out + places, mask=inside, other=0.0).to(tl.float32)
    gradient = tl.where(value <= 0.0, 0.0, gradient)
    tl.store(result + places, gradient.to(result.dtype.element_ty), mask=inside)


# For those who compile them without a GPU.
KERNELS: dict[str, Any] = {"forward": _forward, "backward": _backward}


def forward(x: Tensor, bias: Tensor, residual: Tensor | None) -> Tensor:
    """Return relu(x + bias + residual); x and `residual` lie in memory in one order, contiguous or channels last."""
    out = torch.empty_like(x)
    inner = x.shape[2] * x.shape[3] if x.is_contiguous() else 1
    with _on(x.device):
        _forward[_grid(x)](
            x,
            bias,
            x if residual is None else residual,
            out,
            x.numel(),
            channels=x.shape[1],
            inner=inner,
            adds=residual is not None,
            block=_BLOCK,
        )
    return out


def backward(first: Tensor, second: Tensor | None, out: Tensor) -> Tensor:
    """Return the sum of two gradients where `out` is not 0, else 0; all lie in memory in one order."""
    result = torch.empty_like(out)
    with _on(out.device):
        _backward[_grid(out)](
            first,
            first if second is None else second,
            out,
            result,
            out.numel(),
            adds=second is not None,
            block=_BLOCK,
        )
    return result


def _grid(x: Tensor) -> tuple[int]:
    return (-(-x.numel() // _BLOCK),)


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Make the device the present one, on which Triton starts its kernels; its interpreter works on CPU tensors."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
