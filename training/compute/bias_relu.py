"""relu(x + bias + residual) in one pass over the memory, and its gradient in another one; on CUDA by Triton.

After batch norm is folded into a convolution, what is left of it is a bias for each channel. Bias, residual sum and
ReLU are then three passes over the activations, and five with the gradients. They take longer than the convolutions of
a small network, which wait for the memory. For the gradient a bit of each number is kept: whether the result is not 0.
"""

import importlib.util
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from training.compute.numerics import at_least_float32

_TYPES = (torch.float32, torch.bfloat16, torch.float16)
# Positions are numbers of 32 bits in the kernels.
_MOST = 2**31 - 1


def bias_relu(x: Tensor, bias: Tensor, residual: Tensor | None = None) -> Tensor:
    """Return relu(x + bias + residual), computed in float32 or better and rounded once to the type of x.

    x is (batch, channels, height, width), `bias` (channels,), and `residual` like x, or broadcast to it. What the
    kernels cannot compute is computed by `reference`, with other gradients than the first too.
    """
    if not _is_fusible(x, bias, residual):
        return reference(x, bias, residual)
    out: Tensor = _BiasRelu.apply(x, bias, residual, 1)[0]
    return out


def bias_relu_twice(x: Tensor, bias: Tensor, residual: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the result of `bias_relu` twice, for two readers: the sum of their gradients is then no pass of its own.

    Both share their memory.
    """
    if not _is_fusible(x, bias, residual):
        out = reference(x, bias, residual)
        return out, out
    first, second = _BiasRelu.apply(x, bias, residual, 2)
    return first, second


def reference(x: Tensor, bias: Tensor, residual: Tensor | None = None) -> Tensor:
    """Return the result of `bias_relu` by torch's own operations."""
    value = at_least_float32(x) + bias[:, None, None]
    kind = x.dtype
    if residual is not None:
        value = value + residual
        kind = torch.promote_types(kind, residual.dtype)
    return value.relu().to(kind)


def packed_signs(out: Tensor) -> Tensor:
    """Return where `out` is above 0 or NaN, as bits, (numbers / 8 rounded up,) uint8, in the order of the memory."""
    flat = ~(_in_memory(out).reshape(-1) <= 0)
    bits = functional.pad(flat.to(torch.int32), (0, -len(flat) % 8)).view(-1, 8)
    return (bits << torch.arange(8, device=out.device)).sum(dim=1).to(torch.uint8)


def reference_backward(first: Tensor, second: Tensor | None, signs: Tensor) -> Tensor:
    """Return the gradient of x, and so that of `residual`, from those of two readers and from `packed_signs`."""
    value = at_least_float32(first) if second is None else at_least_float32(first) + second
    bits = (signs[:, None].to(torch.int32) >> torch.arange(8, device=first.device)) & 1
    passes = bits.view(-1)[: first.numel()].view(_in_memory(first).shape)
    if _order(first) == torch.channels_last:
        passes = passes.permute(0, 3, 1, 2)
    return torch.where(passes == 1, value, 0).to(first.dtype)


def _in_memory(x: Tensor) -> Tensor:
    return x if _order(x) == torch.contiguous_format else x.permute(0, 2, 3, 1)


@cache
def kernel_fault(device: torch.device, dtype: torch.dtype) -> str | None:
    """Return why the kernels cannot be used on a device, or None if they can.

    They are compiled, which needs a C compiler, and compared with the reference on a few numbers.
    """
    if device.type != "cuda":
        return "there is no GPU"
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    try:
        agrees = _agrees(device, dtype)
    except Exception as error:  # noqa: BLE001 - a compiler runs here
        reason = " ".join(str(error).split())[:120]
        return f"Triton fails with {type(error).__name__}: {reason}"
    return None if agrees else "Triton's kernels compute other numbers"


def _agrees(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether the kernels and the reference give the same, in both orders of memory."""
    numbers = torch.linspace(-1, 1, 4 * 8 * 5 * 5, device=device).view(4, 8, 5, 5)
    bias = torch.linspace(-0.3, 0.3, 8, device=device)
    for order in (torch.contiguous_format, torch.channels_last):
        x, residual = (each.to(dtype).contiguous(memory_format=order) for each in (numbers, numbers.flip(0, 2)))
        for other in (None, residual):
            found, signs = torch.ops.robust_tuner.bias_relu(x, bias, other)
            back = torch.ops.robust_tuner.bias_relu_backward(x, other, signs)
            pairs = (found, reference(x, bias, other)), (back, reference_backward(x, other, packed_signs(found)))
            if not all(torch.allclose(*pair, rtol=torch.finfo(dtype).eps, atol=1e-6) for pair in pairs):
                return False
    return True


# As operations of torch, fake tensors, tracers and compilers see one operation each.


@torch.library.custom_op(
    "robust_tuner::bias_relu",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor x, Tensor bias, Tensor? residual) -> (Tensor, Tensor)",
)
def _forward(x: Tensor, bias: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
    out = reference(x, bias, residual)
    return out, packed_signs(out)


@torch.library.custom_op(
    "robust_tuner::bias_relu_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor first, Tensor? second, Tensor signs) -> Tensor",
)
def _backward(first: Tensor, second: Tensor | None, signs: Tensor) -> Tensor:
    return reference_backward(first, second, signs)


@_forward.register_kernel("cuda")
def _(x: Tensor, bias: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
    from training.compute.bias_relu_kernels import forward

    return forward(x, bias, residual)


@_backward.register_kernel("cuda")
def _(first: Tensor, second: Tensor | None, signs: Tensor) -> Tensor:
    from training.compute.bias_relu_kernels import backward

    return backward(first, second, signs)


@_forward.register_fake
def _(x: Tensor, bias: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
    del bias, residual
    return torch.empty_like(x), x.new_empty(-(-x.numel() // 8), dtype=torch.uint8)


@_backward.register_fake
def _(first: Tensor, second: Tensor | None, signs: Tensor) -> Tensor:
    del second, signs
    return torch.empty_like(first)


class _BiasRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, residual: Tensor | None, readers: int) -> tuple[Tensor, ...]:
        ctx.order = _order(x)
        if residual is not None:
            residual = residual.contiguous(memory_format=ctx.order)
        out, signs = torch.ops.robust_tuner.bias_relu(x, bias, residual)
        ctx.save_for_backward(signs)
        ctx.set_materialize_grads(False)
        return (out, *(out.view_as(out) for _ in range(1, readers)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        (signs,) = ctx.saved_tensors
        given = [each.contiguous(memory_format=ctx.order) for each in gradients if each is not None]
        if not given:
            return None, None, None, None
        gradient = torch.ops.robust_tuner.bias_relu_backward(given[0], given[1] if len(given) > 1 else None, signs)
        return gradient, None, gradient if ctx.needs_input_grad[2] else None, None


def _is_fusible(x: Tensor, bias: Tensor, residual: Tensor | None) -> bool:
    """Return whether the kernels compute this: dense tensors of one shape and type, and no gradient of the bias."""
    if x.ndim != 4 or x.dtype not in _TYPES or bias.requires_grad or not 0 < x.numel() <= _MOST:
        return False
    if residual is not None and (residual.shape != x.shape or residual.dtype != x.dtype):
        return False
    return x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)


def _order(x: Tensor) -> torch.memory_format:
    return torch.contiguous_format if x.is_contiguous() else torch.channels_last
