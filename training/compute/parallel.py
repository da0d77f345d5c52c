"""Trains one trial on several devices with one process each; every process has its share of each batch.

The result is that of one process up to rounding, except for batch norm: each process normalises its own rows, as the
official codes of TRADES and MART do on several GPUs. All processes draw the same random numbers for the whole batch
and use those of their rows. Dropout is the exception: each process draws masks for its rows, the same in all processes.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

# The longest time that a process waits for another one in the middle of an epoch. Recordings and evaluations take
# about the same time in all processes. With NCCL a process also waits this long for another process that has died.
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Group:
    """The processes that train one trial together, from the view of one of them.

    In a group of one process every method returns its input unchanged.
    """

    rank: int = 0
    size: int = 1

    def own(self, rows: Tensor) -> Tensor:
        """Return the rows of this process, (batch / size, ...), of a whole batch, (batch, ...)."""
        return rows if self.size == 1 else rows.chunk(self.size)[self.rank]

    def noise(self, draw: Callable[..., Tensor], rows: Tensor, generator: torch.Generator) -> Tensor:
        """Draw random numbers for the whole batch with torch.rand or torch.randn and return those of `rows`.

        So the generators of all processes stay in the same state.
        """
        shape = (len(rows) * self.size, *rows.shape[1:])
        return self.own(draw(shape, generator=generator, device=rows.device, dtype=rows.dtype))

    def gather(self, rows: Tensor) -> Tensor:
        """Return the whole batch, (batch, ...), of which `rows` are those of this process; differentiable.

        The gradient of a process's rows is the sum of the gradients that all processes compute for them.
        """
        if self.size == 1:
            return rows
        whole: Tensor = _Gather.apply(rows, self)
        return whole

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes. The tensors have the same type and device."""
        changed = list(tensors) if self.size > 1 else []
        if not changed:
            return
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in changed])
        distributed.all_reduce(flat)
        flat /= self.size
        with torch.no_grad():
            for tensor, mean in zip(changed, torch.split(flat, [t.numel() for t in changed]), strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def total(self, counts: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""
        if self.size > 1:
            distributed.all_reduce(counts)
        return counts

    def data_parallel(self, module: nn.Module) -> Callable[..., Any]:
        """Return a module whose backward pass puts the mean gradient over all processes into each of them."""
        if self.size == 1:
            return module
        with warnings.catch_warnings():
            # torch before 2.14 does not know the argument's new name.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            # The trainer averages the buffers itself, by `average`.
            return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False)


ALONE = Group()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: Group) -> Tensor:
        ctx.group = group
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(group.size)]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # A copy: autograd may pass the same tensor to other functions.
        summed = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return ctx.group.own(summed), None


@contextmanager
def join_group(rank: int, size: int, meeting_place: Path, device: torch.device) -> Iterator[Group]:
    """Connect the processes of a trial on one machine by the file `meeting_place`, which must not exist yet.

    NCCL connects GPUs, gloo connects CPUs; both use only the local network of this machine. After another process
    failed, NCCL ends the call that waits for it and lets this process live, so that it can tell the reason.
    """
    if size == 1:
        yield ALONE
        return
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(variable, "lo")
    # CleanUpOnly in torch's ProcessGroupNCCL.hpp; by default its watchdog ends the whole process.
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2")
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{meeting_place}",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
    try:
        yield Group(rank, size)
    finally:
        distributed.destroy_process_group()
