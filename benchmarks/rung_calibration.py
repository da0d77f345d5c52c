"""Are the forecast's intervals honest, and does it rank the end better than the rung itself?

Run:  python -m benchmarks.rung_calibration [--lcbench DIR] [--seeds 3] [--budget 40] [--jobs 1]
Simulates the default search on the tasks of `benchmarks.search_quality` with 4 workers. Over the completed trials of
each search it checks every rung as `tuner show` does: the share of final values inside their 80 % intervals, and the
rank correlation with the final values of the rung's values and of the forecast. Writes
benchmarks/results/rung_calibration.json with hardware, versions, date and command.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.run import Settings, all_tasks
from benchmarks.search_quality.searchers import OwnSearch, space_of
from benchmarks.search_quality.simulate import simulate
from benchmarks.surroundings import command, surroundings, write_result
from tuner.report.analysis.forecast_check import measured_on_record
from tuner.search.forecast.rung_check import rung_qualities
from tuner.search.forecast.rung_quality import RungQuality

_RESULT = Path(__file__).parent / "results" / "rung_calibration.json"
_WORKERS = 4


def main() -> None:
    """Simulate the searches, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lcbench", type=Path, help="folder of YAHPO's LCBench")
    parser.add_argument("--tasks", nargs="*", default=["167152", "126026", "189873"], help="OpenML task ids of LCBench")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=40, help="epochs of a search, in full trainings")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    settings = Settings((), arguments.seeds, arguments.budget, _WORKERS, arguments.lcbench, tuple(arguments.tasks))
    names = [task.name for task in all_tasks(settings)]
    runs = [(settings, name, seed) for name in names for seed in range(arguments.seeds)]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        found = dict(zip(((name, seed) for _, name, seed in runs), pool.map(_checked, runs), strict=True))
    tasks = {name: summary([rung for seed in range(arguments.seeds) for rung in found[name, seed]]) for name in names}
    result = {
        "command": command("rung_calibration", str(arguments.lcbench)),
        "wanted_inside": [0.75, 0.85],
        "all": summary([rung for rungs in found.values() for rung in rungs]),
        "tasks": tasks,
        **surroundings(("scikit-learn", "numpy")),
    }
    write_result(_RESULT, result)


def summary(rungs: list[RungQuality]) -> dict[str, Any]:
    """Return the share inside over all final values, and the mean correlations by epoch of the rung."""
    trials = np.array([rung.trials for rung in rungs])
    inside = float(np.average([rung.inside for rung in rungs], weights=trials))
    epochs = {}
    for epoch in sorted({rung.epoch for rung in rungs}):
        rows = [asdict(rung) for rung in rungs if rung.epoch == epoch]
        epochs[epoch] = {key: round(float(np.nanmean([row[key] for row in rows])), 3) for key in ("raw", "correlation")}
    return {"inside": round(inside, 3), "final_values": int(trials.sum()), "mean_rank_correlation": epochs}


def _checked(run: tuple[Settings, str, int]) -> list[RungQuality]:
    settings, name, seed = run
    task = next(task for task in all_tasks(settings) if task.name == name)
    space = space_of(task, {"seed": seed}, {})
    searcher = OwnSearch(space)
    simulate(task, searcher, _WORKERS, settings.budget * task.epochs)
    names = [criterion.name for criterion in space.criteria]
    return rung_qualities(measured_on_record(space, searcher.search.trials), names)


if __name__ == "__main__":
    main()
