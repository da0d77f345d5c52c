"""One trial on several devices, a process each: its share of every batch, and what all processes must agree on.

The result is that of one process, up to rounding, but for batch norm: each process normalises its own rows, as the
official codes of TRADES and MART do with several GPUs. All processes draw the same random numbers, for the whole batch,
and take their rows of them; but for dropout, whose masks are drawn for a process's rows, alike in all of them.
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

# How long a process waits for another one in the middle of an epoch, before it gives up: in a recording or an
# evaluation all take about the same time. Over NCCL this is also how long one waits for another that has died.
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Group:
    """The processes that train one trial together, as one of them sees it; alone, every method gives what it got."""

    rank: int = 0
    size: int = 1

    def own(self, rows: Tensor) -> Tensor:
        """Return this process's part of a batch, (batch / size, ...) of (batch, ...)."""
        return rows if self.size == 1 else rows.chunk(self.size)[self.rank]

    def noise(self, draw: Callable[..., Tensor], rows: Tensor, generator: torch.Generator) -> Tensor:
        """Draw numbers for `rows` by torch.rand or torch.randn: for the whole batch, of which these rows get theirs.

        So generators that began in one state stay in one state.
        """
        shape = (len(rows) * self.size, *rows.shape[1:])
        return self.own(draw(shape, generator=generator, device=rows.device, dtype=rows.dtype))

    def gather(self, rows: Tensor) -> Tensor:
        """Return the whole batch, (batch, ...), of which `rows` is this process's part; differentiable.

        The gradient that a process gets for its rows is the sum of those that all processes have for them.
        """
        if self.size == 1:
            return rows
        whole: Tensor = _Gather.apply(rows, self)
        return whole

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor; of one type and device."""
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

    def trained_together(self, look: nn.Module) -> Callable[..., Any]:
        """Return a module whose backward pass leaves the gradients' mean over all processes in each of them."""
        if self.size == 1:
            return look
        with warnings.catch_warnings():
            # Of a name that torch before 2.14 does not know.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            # The buffers are this group's business: `average`.
            return nn.parallel.DistributedDataParallel(look, broadcast_buffers=False)


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
        summed = gradients[0].clone(memory_format=torch.contiguous_format)  # what it is given may be another's, too
        distributed.all_reduce(summed)
        return ctx.group.own(summed), None


@contextmanager
def join_group(rank: int, size: int, meeting_place: Path, device: torch.device) -> Iterator[Group]:
    """Join the processes of a trial on one machine, which meet by a file that does not exist yet.

    NCCL connects GPUs, gloo CPUs, both on this machine's own network alone.
    """
    if size == 1:
        yield ALONE
        return
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(variable, "lo")
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
