"""Whether CUDA still works in this process. After some errors every later call fails, whatever it computes."""

import torch


class BrokenCudaError(RuntimeError):
    """CUDA does not work any more in this process. Only a new process can use the GPU."""


def require_working_cuda(device: torch.device) -> None:
    """Raise BrokenCudaError unless a small computation on a CUDA device, with its global generator, still works."""
    try:
        torch.cuda.synchronize(device)
        # A recording that broke off may leave the generator in the state of a recording.
        found = torch.rand(8, device=device).sum().item()
    except RuntimeError as error:
        raise BrokenCudaError(f"CUDA does not work any more in this process ({error}); use another one.") from error
    if not 0 <= found <= 8:
        raise BrokenCudaError(f"CUDA computes wrong numbers in this process ({found} for 8 draws); use another one.")
