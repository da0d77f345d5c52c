"""The parts of torch.cuda that record, without a GPU: recordings fail, or record nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch


class FakeCuda:
    """Stands in for the parts of torch.cuda that record; recordings fail or not, and CUDA works afterwards or not.

    Of the 80 bytes of this GPU the process may use the `share`, and `run` is said to need `needed` bytes.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, *, works: bool, fails: bool = True, share: float = 1.0, needed: int = 10
    ) -> None:
        self.works = works
        self.fails = fails
        self.attempts = 0
        patch.setattr(torch.cuda, "mem_get_info", lambda _: (60, 80))
        patch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda _: share, raising=False)
        patch.setattr(torch.cuda, "memory_allocated", lambda _: 5)
        patch.setattr(torch.cuda, "memory_reserved", lambda _: 15)
        patch.setattr(torch.cuda, "max_memory_allocated", lambda _: 5 + needed)
        patch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
        self.stream = "the stream before"
        for name in ("device", "stream"):
            patch.setattr(torch.cuda, name, lambda _: nullcontext())
        for name in ("Stream", "CUDAGraph", "graph_pool_handle"):
            patch.setattr(torch.cuda, name, MagicMock)
        patch.setattr(torch.cuda, "current_stream", MagicMock)
        patch.setattr(torch.cuda, "set_stream", lambda _: None)
        patch.setattr(torch.cuda, "graph", self.graph)
        patch.setattr(torch.cuda, "synchronize", self.synchronize)

    @contextmanager
    def graph(self, graph: Any, pool: Any) -> Iterator[None]:
        """As torch does: the end of a recording that broke off fails as well."""
        del graph, pool
        self.attempts += 1
        if not self.fails:
            yield
            return
        try:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`\nDetails")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    def synchronize(self, device: torch.device) -> None:
        del device
        if not self.works:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
