"""What a trial costs: time, weights and memory."""

import time
from typing import TYPE_CHECKING

from training.config.metrics import Measure
from training.registry import METRICS

if TYPE_CHECKING:  # tables need the units of these metrics, and torch takes seconds to import
    import torch
    from torch import nn

_MEBIBYTE = 2**20


@METRICS.register("seconds", facts=Measure("s", "minimize"))
def seconds(started: float = 0.0) -> float:
    """Return the wall-clock time since `started`, which `time.perf_counter` gave: the trainer's clock of an epoch.

    It depends on the machine and on what else it does, so a repeated trial gives another value.
    """
    return time.perf_counter() - started


@METRICS.register("parameters", facts=Measure("", "minimize", of_configuration=True))
def parameters(model: "nn.Module") -> int:
    """Return the number of weights of the model."""
    return sum(weight.numel() for weight in model.parameters())


@METRICS.register("gpu_memory", facts=Measure("MiB", "minimize"))
def gpu_memory(device: "torch.device") -> float:
    """Return the most GPU memory that PyTorch had allocated at once in this epoch, in MiB; 0 on the CPU.

    Of a trial on several GPUs it is that of the first one.
    """
    import torch

    return torch.cuda.max_memory_allocated(device) / _MEBIBYTE if device.type == "cuda" else 0.0
