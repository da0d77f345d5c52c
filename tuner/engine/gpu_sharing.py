"""A trial that runs out of memory on a shared GPU: how it is recognised, and how much of a GPU it gets next."""

from tuner.errors import first_line


class OutOfGpuMemoryError(Exception):
    """A trial does not fit into the memory of a GPU that it has for itself."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of torch, or of a library below it, says that the GPU's memory is used up.

    An error that only quotes such words is about something else, for example about a recording that failed.
    """
    import torch

    error = getattr(error, "cause", None) or error  # Ray's error holds that of another process
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return str(error).startswith(("CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED"))


class GpuShares:
    """The share of a GPU that each trial gets: the space's, doubled each time that it was too small, up to a whole one.

    A larger share leaves room for fewer neighbours, and thus more memory.
    """

    def __init__(self, gpus_per_trial: float) -> None:
        self._first = gpus_per_trial
        self._enlarged: dict[int, float] = {}

    def of(self, number: int) -> float:
        """Return the share of a trial."""
        return self._enlarged.get(number, self._first)

    def enlarge(self, number: int) -> float:
        """Double the share of a trial that ran out of memory, and return it."""
        self._enlarged[number] = min(1.0, 2 * self.of(number))
        return self._enlarged[number]


def out_of_memory_line(share: float, error: BaseException) -> str:
    """Return one line: a trial with a `share` of a GPU ran out of memory, why, and which share it gets next."""
    return f"out of GPU memory with {share:g} of a GPU ({first_line(error)}); tried again with {min(1.0, 2 * share):g}"


def whole_gpu_error(error: BaseException) -> OutOfGpuMemoryError:
    """Return the error of a trial that ran out of memory on a whole GPU."""
    return OutOfGpuMemoryError(
        f"Out of GPU memory with a whole GPU ({first_line(error)}): choose a smaller batch_size or eval_batch_size, "
        "set compile to off, which takes less memory, or end the other programs on the GPU."
    )
