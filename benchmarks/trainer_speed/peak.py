"""The largest number of operations a second that a device reaches in one matrix product."""

import time

import torch

from training.compute.numerics import exact_float32


def peaks(device: str, threads: int) -> dict[str, float]:
    """Measure the TFLOP/s of one large matrix product on this device by precision; a CPU has neither TF32 nor fp16."""
    torch.set_num_threads(threads)
    exact, half = _peak(device, torch.float32), _peak(device, torch.bfloat16)
    if device == "cpu":
        return {"fp32": exact, "tf32": exact, "fp16": exact, "bf16": half}
    tf32 = _peak(device, torch.float32, "tf32")
    return {"fp32": exact, "tf32": tf32, "fp16": _peak(device, torch.float16), "bf16": half}


def _peak(device: str, dtype: torch.dtype, products: str = "ieee") -> float:
    size = 8192 if device == "cuda" else 2048
    first, second = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = 0.0
    with exact_float32():
        torch.backends.cuda.matmul.fp32_precision = products
        for _ in range(12):  # the first ones warm up
            started = time.perf_counter()
            first @ second
            if device == "cuda":
                torch.cuda.synchronize()
            best = max(best, 2 * size**3 / (time.perf_counter() - started) / 1e12)
    return best
