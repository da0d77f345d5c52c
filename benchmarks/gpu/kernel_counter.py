"""Counts the kernels that operations of torch would start on a GPU, and the bytes that these move, from shapes."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten


class Kernel(NamedTuple):
    """The kernels of one operation: how many, the bytes read and written, and operations on tensor cores."""

    name: str
    kernels: int
    bytes: int
    flops: float


# Operations that only describe memory; views are known by their schema.
_NO_KERNEL = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "lift_fresh"}
# Operations that write their first argument without reading it.
_ONLY_WRITTEN = {"copy_", "fill_", "zero_", "uniform_", "normal_", "random_"}
# Statistics are read before values can be normalised: inputs are read twice.
_READ_TWICE = {
    "native_batch_norm",
    "native_batch_norm_backward",
    "_native_batch_norm_legit",
    "_log_softmax",
    "_softmax",
}
# A sort on a GPU is a histogram and several passes of a radix sort; these are small here.
_SEVERAL = {"topk": 3, "sort": 4}


def kernel_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Kernel | None:
    """Return what one operation costs, or None if it starts no kernel.

    Every tensor is read or written once, except where a table above says otherwise, and nothing stays in a cache. The
    bias of a convolution is a pass of its own, as torch computes it by cuDNN. A backward pass of a convolution is a
    kernel for each gradient.
    """
    name = func._schema.name.split("::")[1]  # noqa: SLF001 - the only place of an operation's name
    if name in _NO_KERNEL or _is_view(func):
        return None
    inputs = _tensors((args, {key: value for key, value in kwargs.items() if key != "out"}))
    outputs = _tensors(result)
    if not any(each.numel() for each in outputs):
        return None
    if name == "convolution_backward":
        return _convolution_backward(func, args, kwargs, outputs)
    read = sum(map(size_of, inputs[1:] if name in _ONLY_WRITTEN else inputs)) * (2 if name in _READ_TWICE else 1)
    written = sum(map(size_of, outputs))
    kernels = _SEVERAL.get(name, 1)
    if name == "convolution" and args[2] is not None:
        kernels, read, written = 2, read + written, 2 * written
    return Kernel(name, kernels, read + written, _flops(func, args, kwargs, result))


def _convolution_backward(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: list[Tensor]) -> Kernel:
    gradient, images, weight = args[:3]
    of_images, of_weight, of_bias = args[-1]
    moved = 0
    for wanted, others in ((of_images, (gradient, weight)), (of_weight, (gradient, images)), (of_bias, (gradient,))):
        moved += sum(map(size_of, others)) if wanted else 0
    moved += sum(map(size_of, outputs))
    return Kernel("convolution_backward", sum(args[-1]), moved, _flops(func, args, kwargs, None, outputs))


def _flops(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, outputs: list[Tensor] | None = None
) -> float:
    count: Callable[..., Any] | None = flop_registry.get(func._overloadpacket)  # noqa: SLF001 - as its counter does
    if count is None:
        return 0.0
    if outputs is not None:
        # The counter wants the gradients in their places, with None for those that were not asked for.
        places = iter(outputs)
        result = tuple(next(places) if wanted else None for wanted in args[-1])
    return float(count(*args, **kwargs, out_val=result))


def size_of(tensor: Tensor) -> int:
    """Return the bytes of a tensor; an expanded one is read from the few numbers that it repeats."""
    stored = math.prod(size for size, step in zip(tensor.shape, tensor.stride(), strict=True) if step != 0)
    return stored * tensor.element_size()


def _is_view(func: Any) -> bool:
    returned = [each.alias_info for each in func._schema.returns]  # noqa: SLF001
    return bool(returned) and all(info is not None and not info.is_write for info in returned)


def _tensors(tree: Any) -> list[Tensor]:
    """Return the tensors among arguments or results, each once; scalars of the host are no memory of the device."""
    leaves: Iterable[Any] = tree_leaves(tree)
    return list({id(leaf): leaf for leaf in leaves if isinstance(leaf, Tensor)}.values())


class KernelCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the kernels of a block under the phase that is set."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = ""
        self.found: dict[str, list[Kernel]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        kernel = kernel_of(func, args, kwargs, result)
        if kernel is not None:
            self.found.setdefault(self.phase, []).append(kernel)
        return result
