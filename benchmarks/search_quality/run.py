"""Run all methods on all tasks with all seeds, and compute the figures of the result files."""

import hashlib
import json
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna

from benchmarks.search_quality.late_tasks import late_tasks
from benchmarks.search_quality.lcbench import lcbench_tasks
from benchmarks.search_quality.measure import best_volume, epochs_to, full, mean_and_error, volumes_at
from benchmarks.search_quality.methods import FORECASTING, METHODS, OF_OTHER_PACKAGES, YARDSTICK
from benchmarks.search_quality.other_package import OtherPackage
from benchmarks.search_quality.recorded_tasks import recorded_task
from benchmarks.search_quality.recordings import RECORDINGS, recorded
from benchmarks.search_quality.scale import Scale, scale_of
from benchmarks.search_quality.simulate import Training, simulate
from benchmarks.search_quality.tasks import Task, analytic_tasks

_CURVE_POINTS = 40
# All files that a simulated search depends on; not the command line, MLflow or the code of the figures.
DEPENDS_ON = (
    *(f"tuner/{folder}/**/*.py" for folder in ("ledger", "pareto", "search", "space")),
    *(f"benchmarks/search_quality/{module}.py" for module in ("methods", "scale", "searchers", "simulate")),
    *(f"benchmarks/search_quality/{module}.py" for module in ("late_tasks", "lcbench", "tasks")),
    *(f"benchmarks/search_quality/{module}.py" for module in ("recorded_tasks", "recordings")),
)
_FORECAST = "tuner/search/forecast/**/*.py"
_OF_OTHER_PACKAGES = ("benchmarks/search_quality/other_package.py", "benchmarks/search_quality/competitors/*.py")
# method -> trainings of each seed
Runs = Mapping[str, Sequence[Sequence[Training]]]


@dataclass(frozen=True)
class Settings:
    """What to run; `budget` is in full trainings, `lcbench` is the folder of the surrogate model or None.

    If `keep` is a folder, each simulated search is stored there and read again as long as the code is the same.
    """

    methods: tuple[str, ...]
    seeds: int
    budget: int
    workers: int
    lcbench: Path | None
    lcbench_tasks: tuple[str, ...]
    keep: Path | None = None

    @property
    def checkpoints(self) -> tuple[int, int, int]:
        """The budgets in full trainings at which methods are compared: a quarter, half and all of `budget`."""
        return self.budget // 4, self.budget // 2, self.budget


def all_tasks(settings: Settings) -> list[Task]:
    """Return the analytic tasks and the recorded one, and those of LCBench if its model is there."""
    known = [*analytic_tasks(), *late_tasks(), *map(recorded_task, recorded())]
    if settings.lcbench is not None:
        known += lcbench_tasks(settings.lcbench, list(settings.lcbench_tasks))
    return known


def measured(settings: Settings, jobs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and figures of one task after the other."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        for task in all_tasks(settings):
            pairs = [(settings, task.name, m, seed) for m in settings.methods for seed in range(settings.seeds)]
            found = list(pool.map(_run, pairs))
            runs = {
                method: found[index * settings.seeds : (index + 1) * settings.seeds]
                for index, method in enumerate(settings.methods)
            }
            yield task.name, figures(task, runs, settings)


def figures(task: Task, runs: Runs, settings: Settings, curve_points: int = _CURVE_POINTS) -> dict[str, Any]:
    """Compute the figures of each method on a task; hypervolumes are shares of the best known front's, `best_volume`.

    The target is the hypervolume of the first `budget` random full trainings to end, for any number of workers.
    `share_of_best` counts the trials that ended within the epochs of a checkpoint. `share_when_all_ended` also counts
    those that began within the budget and ended later, and `spent` is what the search trained by then, in full
    trainings.
    """
    scale = scale_of(task)
    best = best_volume([training for seeds in runs.values() for run in seeds for training in full(run)], scale)
    best_of_all = best_volume([training for seeds in runs.values() for run in seeds for training in run], scale)
    checkpoints = [trainings * task.epochs for trainings in settings.checkpoints]
    curve_at = [round(checkpoints[-1] * k / curve_points) for k in range(1, curve_points + 1)]
    target = statistics.fmean(best_volume(full(run)[: settings.budget], scale) for run in runs[YARDSTICK])
    methods = {}
    for method, seeds in runs.items():
        complete = [full(run) for run in seeds]
        shares = [[volume / best for volume in volumes_at(run, scale, checkpoints)] for run in complete]
        curves = [[volume / best for volume in volumes_at(run, scale, curve_at)] for run in complete]
        all_ended = [best_volume(run, scale) / best for run in complete]
        of_all = [volumes_at(run, scale, checkpoints)[-1] / best_of_all for run in seeds]
        reached = statistics.median(epochs_to(run, scale, target) for run in complete)
        methods[method] = {
            "share_of_best": [mean_and_error(column) for column in zip(*shares, strict=True)],
            "shares_by_seed": [row[-1] for row in shares],
            "share_when_all_ended": mean_and_error(all_ended),
            "spent": statistics.fmean(run[-1].spent for run in seeds) / task.epochs,
            "share_of_best_with_stopped": mean_and_error(of_all),
            "full_trainings": statistics.fmean(len(run) for run in complete),
            "trials": statistics.fmean(len(run) for run in seeds),
            "budget_share_to_random": reached / checkpoints[-1] if reached <= checkpoints[-1] else None,
            "curve": [mean_and_error(column) for column in zip(*curves, strict=True)],
        }
    about = {"epochs": task.epochs, "best_volume": best, "checkpoints": checkpoints, "curve_at": curve_at}
    return {**about, "methods": methods}


@lru_cache
def code_digest(task: str, method: str) -> str:
    """Return a digest of all that a simulated search depends on: code, packages, and what was recorded of the task.

    The forecast and the searches of other packages change often, and most methods do not use them.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in ("numpy", "optuna")).encode())
    patterns = [*DEPENDS_ON, *(_OF_OTHER_PACKAGES if method in OF_OTHER_PACKAGES else ())]
    files = {file for pattern in patterns for file in root.glob(pattern)}
    if method not in FORECASTING:
        files -= set(root.glob(_FORECAST))
    if task in RECORDINGS:
        files |= {RECORDINGS[task].file, root / "search_spaces" / f"{RECORDINGS[task].space}.yaml"}
    for file in sorted(files):
        digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _run(pair: tuple[Settings, str, str, int]) -> list[Training]:
    settings, name, method, seed = pair
    if settings.keep is None:
        return _simulated(*pair)
    words = (name, method, f"seed {seed}", f"{settings.workers} workers", f"{settings.budget} trainings")
    file = settings.keep / code_digest(name, method) / f"{re.sub('[^A-Za-z0-9]+', '_', ' '.join(words))}.json"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps([astuple(training) for training in _simulated(*pair)]), encoding="utf-8")
        unfinished.replace(file)
    return [Training(spent, (a, b), whole) for spent, (a, b), whole in json.loads(file.read_text(encoding="utf-8"))]


def _simulated(settings: Settings, name: str, method: str, seed: int) -> list[Training]:
    task, scale = _task(settings, name)
    searcher = METHODS[method](task, scale, seed)
    try:
        return simulate(task, searcher, settings.workers, settings.budget * task.epochs)
    finally:
        if isinstance(searcher, OtherPackage):
            searcher.close()


_TASKS: dict[str, tuple[Task, Scale]] = {}


def _task(settings: Settings, name: str) -> tuple[Task, Scale]:
    """Return a task and its scale, computed once in each process."""
    if name not in _TASKS:
        task = next(task for task in all_tasks(settings) if task.name == name)
        _TASKS[name] = task, scale_of(task)
    return _TASKS[name]
