"""In which precision a trial's network is trained, and what takes the place of one that a device does not have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.compute.numerics import exact_float32, tf32_convolutions


@dataclass(frozen=True)
class Arithmetic:
    """A precision that a device has: `fp32`, `tf32` or `bf16`; `fallback` says what was asked for and why it is not it.

    tf32: float32, but CUDA rounds the factors of convolutions to 10 bits of mantissa, as it does by default; a CPU
    computes it as fp32, which is not coarser and no fallback. bf16: activations and products of the backbone in
    bfloat16, but for the convolution that sees the images, in tf32. Weights, statistics, images, perturbations and all
    that follows the backbone, HSIC's distances above all, stay in float32.
    """

    precision: str
    fallback: str | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Compute float32 convolutions inside as this precision says, and matrix products exactly."""
        with exact_float32() if self.precision == "fp32" else tf32_convolutions():
            yield

    def backbone(self, backbone: nn.Module) -> nn.Module:
        """Return a backbone of the same weights that computes in this precision, and whose features are float32."""
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
    """Return the precision itself, or in place of bf16 that of float32 where a device would only emulate it."""
    if precision == "bf16" and not multiplies_bfloat16(device):
        instead = "fp32" if device.type == "cpu" else "tf32"
        fallback = f"precision is bf16, which this {device.type} has no instructions for: {instead} in its place"
        return Arithmetic(instead, fallback)
    return Arithmetic(precision)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether a device has instructions for products of bfloat16; without them it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Older releases of torch do not tell, and get none.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
