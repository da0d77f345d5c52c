"""A backbone that torch.compile has fused, and the plain one in its place where there is no compiler."""

from collections.abc import Callable
from typing import Any

import torch
import torch._functorch.config
from torch import Tensor, nn


class CompiledBackbone(nn.Module):
    """Computes what `backbone` does, in the passes that torch.compile makes of it at the first call.

    The compiled code is kept in a folder of the machine's user (TORCHINDUCTOR_CACHE_DIR), so that later trials of the
    same network and batch size compile nothing. If compiling fails, `fallback` says why, and the backbone itself is
    called from then on.
    """

    def __init__(self, backbone: nn.Module, *, backend: str = "inductor") -> None:
        super().__init__()
        self.inner = backbone
        self.fallback: str | None = None
        # torch keeps the code of a few networks only; those of earlier trials in this process are over.
        torch.compiler.reset()
        # Of a method, because torch.compile makes of a module another one, whose weights would be counted twice.
        self._compiled: Callable[[Tensor], Tensor] = torch.compile(
            backbone.forward, backend=backend, dynamic=False, options=_options(backend)
        )

    def forward(self, images: Tensor) -> Tensor:
        if self.fallback is None:
            try:
                # A backward pass for each term's gradient norm needs what is saved for the first one.
                with torch._functorch.config.patch(donated_buffer=False):  # noqa: SLF001 - there is no public setting
                    return self._compiled(images)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - compilers run here; errors of the network come again below
                reason = (" ".join(str(error).split()) or "no message")[:120]
                self.fallback = f"compile: the training passes are not compiled ({type(error).__name__}: {reason})"
        features: Tensor = self.inner(images)
        return features


def _options(backend: str) -> dict[str, Any] | None:
    """Let the compiler not choose kernels by their time, with which a resumed trial might choose others."""
    import torch._inductor.config as settings

    is_known = backend == "inductor" and hasattr(settings, "deterministic")
    return {"deterministic": True} if is_known else None
