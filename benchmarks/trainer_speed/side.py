"""One side of a comparison in a separate process, so that it has its own allocator and its memory can be measured."""

import contextlib
import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.trainer_speed.work import Work

PLAIN = "plain loop"
_END = ("end",)
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Task:
    """What a side trains, and where; `name` is PLAIN or the precision of the trainer."""

    name: str
    work: Work
    device: str
    threads: int
    steps: int


class SideError(Exception):
    """A side failed; the message names the side and the reason."""


class Side:
    """A process that runs rounds on request."""

    def __init__(self, task: Task) -> None:
        """Start the process; it builds what it trains at the first request."""
        self.task = task
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, task))
        self._process.start()
        theirs.close()

    def ask(self, *words: Any) -> Any:
        """Send `round`, `about` or `profile FILE` and return the answer."""
        try:
            self._pipe.send(words)
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise SideError(f"{self.task.name} ended with {self._process.exitcode}") from error
        if isinstance(answer, Exception):
            raise SideError(f"{self.task.name}: {answer}") from answer
        return answer

    def close(self) -> None:
        """End the process, also if it hangs or has failed."""
        with contextlib.suppress(OSError):
            self._pipe.send(_END)
            self._process.join(_PATIENCE_SECONDS)
        self._process.terminate()
        self._process.join()


def _serve(pipe: Connection, task: Task) -> None:
    torch.set_num_threads(task.threads)
    side = None
    while (words := pipe.recv()) != _END:
        try:
            side = side or _built(task)
            pipe.send(_answer(side, task, words))
        except RuntimeError as error:  # mostly out of memory
            pipe.send(RuntimeError(str(error)))


def _answer(side: Any, task: Task, words: tuple[Any, ...]) -> Any:
    if words[0] == "round":
        return side.round()
    if words[0] == "about":
        return {"attack": side.attack, "fallbacks": side.fallbacks, "memory_mb": _peak_memory(task.device)}
    return _profiled(side, task, words[1])


def _built(task: Task) -> Any:
    from benchmarks.trainer_speed.ours import OurTrainer
    from benchmarks.trainer_speed.plain import PlainLoop

    device = torch.device(task.device)
    if task.name == PLAIN:
        return PlainLoop(task.work, device, task.steps)
    return OurTrainer(task.work.with_precision(task.name), device, task.steps)


def _peak_memory(device: str) -> int:
    """Return the peak memory in MB: of torch on a GPU, including recorded graphs, or of the process on a CPU."""
    if device == "cuda":
        return round(torch.cuda.max_memory_reserved() / 1e6)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(round(int(line.split()[1]) / 1e3) for line in lines if line.startswith("VmHWM:"))


def _profiled(side: Any, task: Task, trace: str | None) -> str:
    """Profile a round; return the table of the slowest operations, and write the trace to a file if asked."""
    from torch.profiler import ProfilerActivity, profile

    on_gpu = task.device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        side.round()
    if trace is not None:
        profiler.export_chrome_trace(trace)
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    return str(profiler.key_averages().table(sort_by=order, row_limit=12, max_name_column_width=40))
