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

# Threads read and write 16 bytes at once, and pack the signs of the 8 numbers of a row into a byte.
_ROWS, _ROW = 128, 8


@triton.jit
def _either(one, other):
    return one | other


@triton.jit
def _forward(
    x,
    bias,
    residual,
    out,
    signs,
    count,
    channels: tl.constexpr,
    inner: tl.constexpr,
    adds: tl.constexpr,
    rows: tl.constexpr,
    row: tl.constexpr,
):
    row_places = tl.program_id(0) * rows + tl.arange(0, rows)
    columns = tl.arange(0, row)[None, :]
    places = row_places[:, None] * row + columns
    inside = places < count
    value = tl.load(x + places, mask=inside, other=0.0).to(tl.float32)
    value += tl.load(bias + (places // inner) % channels, mask=inside, other=0.0).to(tl.float32)
    if adds:
        value += tl.load(residual + places, mask=inside, other=0.0).to(tl.float32)
    # Compared this way NaN stays NaN, as in torch, and its gradient passes.
    result = tl.where(value <= 0.0, 0.0, value).to(out.dtype.element_ty)
    tl.store(out + places, result, mask=inside)
    bits = tl.where(result <= 0.0, 0, 1) << columns
    tl.store(signs + row_places, tl.reduce(bits, 1, _either).to(tl.uint8), mask=row_places * row < count)


@triton.jit
def _backward(first, second, signs, result, count, adds: tl.constexpr, rows: tl.constexpr, row: tl.constexpr):
    row_places = tl.program_id(0) * rows + tl.arange(0, rows)
    columns = tl.arange(0, row)[None, :]
    places = row_places[:, None] * row + columns
    inside = places < count
    gradient = tl.load(first + places, mask=inside, other=0.0).to(tl.float32)
    if adds:
        gradient += tl.load(second + places, mask=inside, other=0.0).to(tl.float32)
    bits = tl.load(signs + row_places, mask=row_places * row < count, other=0).to(tl.int32)
    passes = ((bits[:, None] >> columns) & 1) == 1
    tl.store(result + places, tl.where(passes, gradient, 0.0).to(result.dtype.element_ty), mask=inside)


# For those who compile them without a GPU.
KERNELS: dict[str, Any] = {"forward": _forward, "backward": _backward}


def forward(x: Tensor, bias: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return relu(x + bias + residual), and where it is above 0: a bit for each number in the order of the memory.

    x and `residual` lie in memory in one order, contiguous or channels last.
    """
    out = torch.empty_like(x)
    signs = torch.empty(-(-x.numel() // _ROW), dtype=torch.uint8, device=x.device)
    with _on(x.device):
        _forward[_grid(x)](
            x,
            bias,
            x if residual is None else residual,
            out,
            signs,
            x.numel(),
            channels=x.shape[1],
            inner=x.shape[2] * x.shape[3] if x.is_contiguous() else 1,
            adds=residual is not None,
            rows=_ROWS,
            row=_ROW,
        )
    return out, signs


def backward(first: Tensor, second: Tensor | None, signs: Tensor) -> Tensor:
    """Return the sum of two gradients, or the one, where the bit of `signs` is set, else 0."""
    result = torch.empty_like(first)
    with _on(first.device):
        _backward[_grid(first)](
            first,
            first if second is None else second,
            signs,
            result,
            first.numel(),
            adds=second is not None,
            rows=_ROWS,
            row=_ROW,
        )
    return result


def _grid(x: Tensor) -> tuple[int]:
    return (-(-x.numel() // (_ROWS * _ROW)),)


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Make the device the present one, on which Triton starts its kernels; its interpreter works on CPU tensors."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
