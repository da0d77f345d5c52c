"""All methods on all tasks with all seeds, and what that gives: plain figures, ready to be written down."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.search_quality.lcbench import lcbench_tasks
from benchmarks.search_quality.measure import (
    best_volume,
    epochs_to,
    mean_and_error,
    scale_of,
    volumes_at,
)
from benchmarks.search_quality.methods import METHODS
from benchmarks.search_quality.simulate import FullTraining, simulate, space_of
from benchmarks.search_quality.tasks import Task, analytic_tasks

YARDSTICK = "random, full trainings"
_CURVE_POINTS = 40
# method -> full trainings of each seed
Runs = Mapping[str, Sequence[Sequence[FullTraining]]]


@dataclass(frozen=True)
class Settings:
    """What is run; `budget` is in full trainings, `lcbench` the folder of the surrogate model or None."""

    methods: tuple[str, ...]
    seeds: int
    budget: int
    workers: int
    lcbench: Path | None
    lcbench_tasks: tuple[str, ...]


def all_tasks(settings: Settings) -> list[Task]:
    """Give the analytic tasks, and those of LCBench if there is its model."""
    known = analytic_tasks()
    if settings.lcbench is not None:
        known += lcbench_tasks(settings.lcbench, list(settings.lcbench_tasks))
    return known


def measured(settings: Settings, jobs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the figures of one task after the other."""
    for name in [task.name for task in all_tasks(settings)]:
        pairs = [(settings, name, method, seed) for method in settings.methods for seed in range(settings.seeds)]
        if jobs > 1:
            with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
                found = list(pool.map(_run, pairs))
        else:
            found = [_run(pair) for pair in pairs]
        runs = {
            method: found[index * settings.seeds : (index + 1) * settings.seeds]
            for index, method in enumerate(settings.methods)
        }
        yield name, figures(_task(settings, name), runs, settings.budget)


def figures(task: Task, runs: Runs, budget: int) -> dict[str, Any]:
    """Give the figures of each method on a task; hypervolumes as shares of that of the best known front."""
    scale = scale_of(task)
    best = best_volume([training for seeds in runs.values() for run in seeds for training in run], scale)
    checkpoints = [budget // 4 * task.epochs, budget // 2 * task.epochs, budget * task.epochs]
    curve_at = [round(budget * task.epochs * k / _CURVE_POINTS) for k in range(1, _CURVE_POINTS + 1)]
    yardstick = [volumes_at(run, scale, checkpoints)[-1] for run in runs[YARDSTICK]]
    target = statistics.fmean(yardstick)
    methods = {}
    for method, seeds in runs.items():
        shares = [[volume / best for volume in volumes_at(run, scale, checkpoints)] for run in seeds]
        curves = [[volume / best for volume in volumes_at(run, scale, curve_at)] for run in seeds]
        reached = statistics.median(epochs_to(run, scale, target) for run in seeds)
        methods[method] = {
            "share_of_best": [mean_and_error(column) for column in zip(*shares, strict=True)],
            "shares_by_seed": [row[-1] for row in shares],
            "full_trainings": statistics.fmean(len(run) for run in seeds),
            "budget_share_to_random": reached / checkpoints[-1] if math.isfinite(reached) else None,
            "curve": [mean_and_error(column) for column in zip(*curves, strict=True)],
        }
    return {"epochs": task.epochs, "checkpoints": checkpoints, "curve_at": curve_at, "methods": methods}


def _run(pair: tuple[Settings, str, str, int]) -> list[FullTraining]:
    settings, name, method, seed = pair
    task = _task(settings, name)
    search, early_stopping = METHODS[method]
    space = space_of(task, {**search, "seed": seed}, early_stopping, settings.budget * task.epochs)
    return simulate(task, space, settings.workers)


_TASKS: dict[str, Task] = {}


def _task(settings: Settings, name: str) -> Task:
    """Give a task, made once in each process."""
    if name not in _TASKS:
        _TASKS.update({task.name: task for task in all_tasks(settings)})
    return _TASKS[name]
