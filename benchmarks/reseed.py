"""Does `search.reseed: front` help the user's choice when another seed changes a training?

Run:  python -m benchmarks.reseed [--tasks trade_off late_knob] [--noise 0.1] [--seeds 5] [--budget 30] [--jobs 1]
Simulates the default search with and without repeats, with 4 workers and the same epochs, on tasks of
`benchmarks.search_quality` to whose losses each training adds luck of its own. Its standard deviation at the end is a
share of the extent of the task's front, and it grows with the square root of the epochs. Every search ends with a
reported front: the measured values, or their means. `choice` is what the user's choices from it are worth in truth,
without the luck, and `hypervolume` that of the true losses of all reported points; both are shares of the hypervolume
of all points that both methods report. `flattery` is by how much larger the reported hypervolume is. Writes
benchmarks/results/reseed.json with hardware, versions, date and command.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.late_tasks import late_tasks
from benchmarks.search_quality.measure import mean_and_error
from benchmarks.search_quality.scale import scale_of
from benchmarks.search_quality.searchers import OwnSearch, space_of
from benchmarks.search_quality.simulate import simulate
from benchmarks.search_quality.tasks import LOSSES, Parameters, Task, analytic_tasks, noise_of
from benchmarks.surroundings import command, surroundings, write_result
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray
from tuner.report.analysis.front_data import front_data
from tuner.search.forecast.reported_front import ReportedFront
from tuner.space import SEED

_RESULT = Path(__file__).parent / "results" / "reseed.json"
_WORKERS = 4
# The reference point is that of `benchmarks.search_quality`, on the scale of the task's own front.
_REFERENCE = 1.1
_METHODS = ("none", "front")


@dataclass(frozen=True)
class Reported:
    """The front that a search reports: measured and true losses, (n, 2), on the task's scale, and its repeats."""

    measured: FloatArray
    true: FloatArray
    repeats: int


def main() -> None:
    """Simulate the searches, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["trade_off", "late_knob"])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.1], help="as a share of the front's extent")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=30, help="epochs of a search, in full trainings")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    cases = [(task, noise) for task in arguments.tasks for noise in arguments.noise]
    runs = [
        (task, noise, method, seed, arguments.budget)
        for task, noise in cases
        for method in _METHODS
        for seed in range(arguments.seeds)
    ]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        found = dict(zip((run[:4] for run in runs), pool.map(_reported, runs), strict=True))
    figures = {}
    for task, noise in cases:
        of_method = {m: [found[task, noise, m, seed] for seed in range(arguments.seeds)] for m in _METHODS}
        figures[f"{task}, noise {noise:g}"] = compared(of_method)
    result = {"command": command("reseed"), "cases": figures, **surroundings(("scikit-learn", "numpy"))}
    write_result(_RESULT, result)


def compared(of_method: dict[str, list[Reported]]) -> dict[str, Any]:
    """Return the figures of each method, as means with standard errors."""
    true = np.vstack([front.true for fronts in of_method.values() for front in fronts])
    best = _volume(true)
    return {
        f"reseed: {method}": {
            "choice": mean_and_error([_choice(front) / best for front in fronts]),
            "hypervolume": mean_and_error([_volume(front.true) / best for front in fronts]),
            "flattery": mean_and_error([(_volume(front.measured) - _volume(front.true)) / best for front in fronts]),
            "repeats": mean_and_error([float(front.repeats) for front in fronts]),
            "points": mean_and_error([float(len(front.true)) for front in fronts]),
        }
        for method, fronts in of_method.items()
    }


def lucky(task: Task, noise: float) -> Task:
    """Return a task of which each training has luck: both losses are moved, more and more during the training."""
    deviation = noise * (scale_of(task).high - scale_of(task).low)
    growth = np.sqrt(np.arange(1, task.epochs + 1) / task.epochs)[:, None]

    def curve(point: Parameters) -> FloatArray:
        luck: FloatArray = noise_of(point, "luck").normal(0.0, 1.0, 2) * deviation
        return _without_seed(task, point) + growth * luck

    return replace(task, curve=curve)


def _without_seed(task: Task, point: Parameters) -> FloatArray:
    return task.curve({name: value for name, value in point.items() if name != SEED})


def _reported(run: tuple[str, float, str, int, int]) -> Reported:
    name, noise, method, seed, budget = run
    task = next(task for task in [*analytic_tasks(), *late_tasks()] if task.name == name)
    searcher = OwnSearch(space_of(task, {"seed": seed, "reseed": method}, {}))
    simulate(lucky(task, noise), searcher, _WORKERS, budget * task.epochs)
    search, scale = searcher.search, scale_of(task)
    shown = front_data(name, search.trials, search.space.objective_list, dict.fromkeys(LOSSES, 0.0), reseeds=True)
    measured = np.array([[point.metrics[loss] for loss in LOSSES] for point in shown.front])
    true = np.array([_without_seed(task, point.parameters)[-1] for point in shown.front])
    extent = scale.high - scale.low
    return Reported((measured - scale.low) / extent, (true - scale.low) / extent, len(shown.repeats))


def _choice(front: Reported) -> float:
    measured, true = ((_REFERENCE - losses).clip(0.0) for losses in (front.measured, front.true))
    return ReportedFront(measured, true[None]).value


def _volume(losses: FloatArray) -> float:
    return hypervolume(losses, np.full(2, _REFERENCE))


if __name__ == "__main__":
    main()
