"""Hypervolume against epochs spent: the search's default, other samplers and rules, and full trainings.

Run:  python -m benchmarks.search_quality [--seeds 10] [--budget 40] [--workers 4] [--lcbench DIR] [--jobs 1]
Everything is simulated with the project's own `tuner.search.Search`; only trials that were trained for the whole
budget count for the front. Writes search_quality.json, .md and .png into benchmarks/results/ with date, versions and
command. DIR holds YAHPO's LCBench (model.onnx, encoding.json) and needs the package onnxruntime; without it the
analytic tasks are run.
"""

import argparse
import json
import time
from pathlib import Path

import optuna

from benchmarks.search_quality.methods import DEFAULT, LEFT_OUT, METHODS
from benchmarks.search_quality.report import comparisons, plot, tables
from benchmarks.search_quality.run import YARDSTICK, Settings, measured
from benchmarks.surroundings import command, surroundings

_RESULTS = Path(__file__).parents[1] / "results"
# 167152, 126026, 34539 and 189873 are those on which a prototype of this search was first tried.
_LCBENCH = ("167152", "126026", "34539", "189873")


def main() -> None:
    """Run, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=40, help="epochs of a search, in full trainings")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), help="default: all but gp, which is slow")
    parser.add_argument("--lcbench", type=Path, help="folder of YAHPO's LCBench")
    parser.add_argument("--tasks", nargs="*", default=_LCBENCH, help="OpenML task ids of LCBench")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--name", default="search_quality", help="name of the results' files")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    chosen = arguments.methods or [name for name in METHODS if name not in LEFT_OUT]
    methods = tuple(dict.fromkeys([DEFAULT, *chosen, YARDSTICK]))
    settings = Settings(
        methods, arguments.seeds, arguments.budget, arguments.workers, arguments.lcbench, tuple(arguments.tasks)
    )
    started = time.monotonic()
    tasks = {}
    for name, figures in measured(settings, arguments.jobs):
        tasks[name] = figures
        print(f"{name} done after {time.monotonic() - started:.0f} s", flush=True)
    result = {
        "command": command("search_quality", str(arguments.lcbench)),
        "seeds": settings.seeds,
        "budget": settings.budget,
        "workers": settings.workers,
        "default": DEFAULT,
        "methods": list(methods),
        "tasks": tasks,
        **surroundings(("optuna", "numpy")),
    }
    text = f"{tables(result)}\n{comparisons(result, DEFAULT)}"
    print(text)
    rounded = json.loads(json.dumps(result), parse_float=lambda digits: round(float(digits), 5))
    (_RESULTS / f"{arguments.name}.json").write_text(json.dumps(rounded) + "\n", encoding="utf-8")
    head = f"# Quality of the search\n\n`{result['command']}`, {result['date']}, optuna {optuna.__version__}\n\n"
    (_RESULTS / f"{arguments.name}.md").write_text(head + text, encoding="utf-8")
    plot(result, _RESULTS / f"{arguments.name}.png")


if __name__ == "__main__":
    main()
