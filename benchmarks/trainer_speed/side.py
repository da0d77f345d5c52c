"""One side of a comparison in a process of its own, so that its memory can be told and its allocator is its own."""

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
    """A side could not do its work; the message names it and why."""


class Side:
    """A process that runs rounds when it is told to."""

    def __init__(self, task: Task) -> None:
        """Start it, and let it build what it trains."""
        self.task = task
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, task))
        self._process.start()
        theirs.close()

    def ask(self, *words: Any) -> Any:
        """Give the answer to `round`, `about` or `profile FILE`."""
        try:
            self._pipe.send(words)
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise SideError(f"{self.task.name} ended with {self._process.exitcode}") from error
        if isinstance(answer, Exception):
            raise SideError(f"{self.task.name}: {answer}") from answer
        return answer

    def close(self) -> None:
        """End the process, whatever state it is in."""
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
        except RuntimeError as error:  # out of memory, above all
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
    """Give the most memory that torch held on a GPU, recordings included, or the process on a CPU, in MB."""
    if device == "cuda":
        return round(torch.cuda.max_memory_reserved() / 1e6)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(round(int(line.split()[1]) / 1e3) for line in lines if line.startswith("VmHWM:"))


def _profiled(side: Any, task: Task, trace: str | None) -> str:
    """Run a round under the profiler; give the table of what took longest, write the trace to a file."""
    from torch.profiler import ProfilerActivity, profile

    on_gpu = task.device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        side.round()
    if trace is not None:
        profiler.export_chrome_trace(trace)
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    return str(profiler.key_averages().table(sort_by=order, row_limit=12, max_name_column_width=40))
