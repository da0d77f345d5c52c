"""Parts 5 and 8: several trials on one GPU, and one trial on two GPUs; each process is one of its own."""

import multiprocessing
import queue
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.record import Unit, time_left
from benchmarks.gpu.speed import synchronise
from benchmarks.trainer_speed.work import Work, work_for
from training.compute.parallel import ALONE, Group, join_group
from training.trainer import Trainer

_WARM_UP, _STEPS = 3, 40


def trials_on_one(device: str) -> Mapping[str, Unit]:
    """Return a unit for each number of trials on one GPU; each may use its share of the memory."""
    return {
        f"{count} trials in {name}": _sharing(count, name, device) for count in (1, 2, 4) for name in ("tf32", "bf16")
    }


def one_trial_on_two(device: str) -> Mapping[str, Unit]:
    """Return a unit for one GPU and one for two, with the same batch of 128 in all."""
    return {f"{size} processes": _together(size, device) for size in (1, 2)}


def _sharing(count: int, precision: str, device: str) -> Unit:
    def measure(deadline: float) -> dict[str, Any]:
        work = _work(device).with_precision(precision)
        found = _in_processes(_alone, count, (work, device, 1 / count), deadline)
        return {
            "trials": count,
            "images_per_second_together": sum(one["images_per_second"] for one in found),
            "memory_mb_each": [one["memory_mb"] for one in found],
            "fallbacks": found[0]["fallbacks"],
        }

    return measure


def _together(size: int, device: str) -> Unit:
    def measure(deadline: float) -> dict[str, Any]:
        if device == "cuda" and torch.cuda.device_count() < size:
            return {"skipped": f"this machine has {torch.cuda.device_count()} GPU"}
        with tempfile.TemporaryDirectory() as folder:
            arguments = (_work(device), device, size, str(Path(folder) / "meeting"))
            found = _in_processes(_of_a_group, size, arguments, deadline)
        # The batch is that of all processes, and they wait for each other.
        return {"processes": size, "images_per_second": found[0]["images_per_second"], "losses": found[0]["loss"]}

    return measure


def _work(device: str) -> Work:
    return work_for("resnet18", 128, 10) if device == "cuda" else work_for("digits_cnn", 16, 2)


def _in_processes(
    run: Callable[..., dict[str, Any]], count: int, arguments: tuple[Any, ...], deadline: float
) -> list[dict[str, Any]]:
    """Run `run(rank, *arguments)` in `count` processes at once; return their results, or raise RuntimeError."""
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    processes = [context.Process(target=_child, args=(results, run, rank, arguments)) for rank in range(count)]
    for process in processes:
        process.start()
    try:
        found = [results.get(timeout=max(1.0, time_left(deadline))) for _ in processes]
    except queue.Empty as error:
        raise RuntimeError("a process did not answer in time") from error
    finally:
        for process in processes:
            process.join(5)
            process.terminate()
    if failed := [one["failed"] for one in found if "failed" in one]:
        raise RuntimeError("; ".join(failed))
    return sorted(found, key=lambda one: int(one["rank"]))


def _child(results: Any, run: Callable[..., dict[str, Any]], rank: int, arguments: tuple[Any, ...]) -> None:
    try:
        results.put({"rank": rank, **run(rank, *arguments)})
    except Exception as error:  # noqa: BLE001 - the parent raises it
        results.put({"rank": rank, "failed": f"{type(error).__name__}: {error}"})


def _alone(rank: int, work: Work, device: str, share: float) -> dict[str, Any]:
    del rank
    if device == "cuda":
        torch.cuda.set_per_process_memory_fraction(share)
    return _timed(work, device, device, ALONE)


def _of_a_group(rank: int, work: Work, device: str, size: int, meeting: str) -> dict[str, Any]:
    own = f"cuda:{rank}" if device == "cuda" else "cpu"
    if device == "cuda":
        torch.cuda.set_device(rank)
    with join_group(rank, size, Path(meeting), torch.device(own)) as group:
        return _timed(work, own, device, group)


def _timed(work: Work, place: str, kind: str, group: Group) -> dict[str, Any]:
    """Train some steps and return the images of all processes a second, after the steps that warm up."""
    count = _STEPS if kind == "cuda" else 2
    trainer = Trainer(replace(work.config, epochs=1000), work.data(_WARM_UP + count), place, group)
    moments: dict[int, float] = {}

    def note(step: int, steps: int) -> None:
        if step in {_WARM_UP, steps}:
            synchronise(kind)
            moments[step] = time.perf_counter()

    metrics = trainer.train_epoch(note)
    seconds = moments[_WARM_UP + count] - moments[_WARM_UP]
    memory = round(torch.cuda.max_memory_reserved() / 1e6) if kind == "cuda" else 0
    return {
        "images_per_second": count * work.config.batch_size / seconds,
        "memory_mb": memory,
        "loss": metrics["loss/total"],
        "fallbacks": trainer.fallbacks,
    }
