"""The precision in which a trial's network is trained, and its replacement on a device that does not support it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.compute.autocast_backbone import InBfloat16, InFloat16
from training.compute.numerics import exact_float32

# Tensor cores: float16 since Volta, TF32 and bfloat16 since Ampere.
_VOLTA, _AMPERE = (7, 0), (8, 0)


@dataclass(frozen=True)
class Arithmetic:
    """A precision that a device supports: `fp32`, `tf32`, `fp16` or `bf16`.

    `fallback` says which precision was requested and why another one is used; None if it is the requested one.
    `choice` says which precision `auto` chose and why; None if another one was requested.
    `tensor_cores` says that convolutions of this precision run on tensor cores, which want channels last.

    tf32: float32, but CUDA rounds the factors of convolutions to 10 bits of mantissa, as it does by default. A CPU
    computes fp32 instead, which is more precise and no fallback. bf16: activations and products of the backbone are
    bfloat16, but the images are not rounded to it (`training/models/layers.py`). fp16: the same with float16, but only
    in attacks, whose gradients it scales; the passes that train the weights are in fp32. Weights, statistics, images,
    perturbations and everything after the backbone, above all the distances of HSIC, stay in float32.
    """

    precision: str
    fallback: str | None = None
    choice: str | None = None
    tensor_cores: bool = False

    def active(self) -> AbstractContextManager[None]:
        """Set the precision of float32 convolutions for the block; matrix products are exact in it."""
        return exact_float32(convolutions="tf32" if self.precision in {"tf32", "bf16"} else "ieee")

    def backbone(self, backbone: nn.Module) -> nn.Module:
        """Return a backbone with the same weights that computes in this precision and returns float32 features."""
        return InBfloat16(backbone) if self.precision == "bf16" else backbone

    def attacked(self, backbone: nn.Module) -> nn.Module:
        """Return a backbone like `backbone`, for attacks that use only the signs of each image's gradient."""
        return InFloat16(backbone) if self.precision == "fp16" else self.backbone(backbone)

    @property
    def attack_dtype(self) -> torch.dtype | None:
        """The type of the convolutions in attacks, except the first; None for that of the weights."""
        return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision)


def arithmetic_for(precision: str, device: torch.device) -> Arithmetic:
    """Return the arithmetic of `precision`, or that of the next better one that the device has."""
    if device.type != "cuda":
        return _on_cpu(precision)
    capability = torch.cuda.get_device_capability(device)
    found, fallback, choice = precision, None, None
    if precision == "auto":
        found, choice = _chosen(capability)
    elif capability < _AMPERE and precision in {"bf16", "tf32"}:
        found = "fp32"
        advice = "; fp16 would compute the attacks on its tensor cores" if capability >= _VOLTA else ""
        fallback = f"{_without(precision, 'cuda')}: fp32 is used instead{advice}"
    elif capability < _VOLTA and precision == "fp16":
        found, fallback = "fp32", f"{_without(precision, 'cuda')}: fp32 is used instead"
    return Arithmetic(found, fallback, choice, tensor_cores=found in {"tf32", "bf16"})


def _chosen(capability: tuple[int, int]) -> tuple[str, str]:
    """Return what `auto` means on a GPU, and why: the careful choice, as long as no GPU has measured the others."""
    found, faster = ("tf32", "bf16") if capability >= _AMPERE else ("fp32", "fp16")
    shown = f"precision: auto is {found} on this GPU"
    if capability < _VOLTA:
        return found, shown
    return found, f"{shown}; {faster} is faster, but no GPU has yet measured that accuracies stay the same"


def _on_cpu(precision: str) -> Arithmetic:
    if precision == "auto":
        return Arithmetic("fp32", choice="precision: auto is fp32 on a CPU")
    if precision == "fp16" or (precision == "bf16" and not _cpu_multiplies_bfloat16()):
        return Arithmetic("fp32", f"{_without(precision, 'cpu')}: fp32 is used instead")
    return Arithmetic(precision)


def _without(precision: str, device: str) -> str:
    return f"precision is {precision}, but this {device} has no instructions for it"


def _cpu_multiplies_bfloat16() -> bool:
    """Return whether the CPU has instructions for products of bfloat16; without them bf16 is slower than float32."""
    # Releases of torch without `get_capabilities` do not know: assume that there are none.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
