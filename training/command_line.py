"""What the trainer's commands share: wrong usage, exit codes, the choice of a device."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing torch takes seconds, which `--help` should not cost
    import torch

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class CommandError(Exception):
    """Wrong usage; the command says the message and ends with WRONG_USAGE."""


def chosen_device(name: str, threads: int | None) -> "torch.device":
    """Return the device `auto`, `cpu` or `cuda`, after setting the CPU threads; raise CommandError if there is none."""
    import torch

    if threads is not None:
        if threads < 1:
            raise CommandError(f"The value of --threads is {threads}, but must be >= 1.")
        torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise CommandError("--device cuda: torch finds no CUDA device; use --device cpu, or check the driver.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
