"""The precision in which a trial's network is trained, and its replacement on a device that does not support it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.compute.numerics import exact_float32


@dataclass(frozen=True)
class Arithmetic:
    """A precision that a device supports: `fp32`, `tf32` or `bf16`.

    `fallback` says which precision was requested and why another one is used; None if it is the requested one.
    tf32: float32, but CUDA rounds the factors of convolutions to 10 bits of mantissa, as it does by default. A CPU
    computes fp32 instead, which is more precise and no fallback. bf16: activations and products of the backbone are
    bfloat16, except for the first convolution, which is computed in tf32. Weights, statistics, images, perturbations
    and everything after the backbone, above all the distances of HSIC, stay in float32.
    """

    precision: str
    fallback: str | None = None

    def active(self) -> AbstractContextManager[None]:
        """Set the precision of float32 convolutions for the block; matrix products are exact in it."""
        return exact_float32(convolutions="ieee" if self.precision == "fp32" else "tf32")

    def backbone(self, backbone: nn.Module) -> nn.Module:
        """Return a backbone with the same weights that computes in this precision and returns float32 features."""
        return InBfloat16(backbone) if self.precision == "bf16" else backbone


class InBfloat16(nn.Module):
    """A backbone under autocast."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.inner = backbone

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            features: Tensor = self.inner(images)
        return features.float()


def arithmetic_for(precision: str, device: torch.device) -> Arithmetic:
    """Return the arithmetic of `precision`; for bf16 on a device that only emulates it, that of fp32 or tf32."""
    if precision == "bf16" and not multiplies_bfloat16(device):
        instead = "fp32" if device.type == "cpu" else "tf32"
        fallback = f"precision is bf16, but this {device.type} has no instructions for it: {instead} is used instead"
        return Arithmetic(instead, fallback)
    return Arithmetic(precision)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether a device has instructions for products of bfloat16; without them bf16 is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Releases of torch without `get_capabilities` do not know: assume that there are none.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
