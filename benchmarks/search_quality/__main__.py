"""Hypervolume by epochs spent: the project's default search, and what its users would otherwise run.

Run:  python -m benchmarks.search_quality --lcbench DIR [--seeds 20] [--budget 40] [--workers 4 16] [--jobs 1]
All searches are simulated, with the project's own `tuner.search.Search` and the other packages' own classes. Only fully
trained trials count for the front. For each number of workers the benchmark writes search_quality_N_workers.json, .md
and .png into benchmarks/results/ with date, versions and command. DIR holds YAHPO's LCBench (model.onnx,
encoding.json); without it only the other tasks run. With --keep FOLDER an interrupted benchmark resumes, as long as the
code of the search is the same. Needs `pip install -e '.[bench,competitors]'`. SMAC3 and NePS run with the Python of
another environment, which COMPETITORS_PYTHON names; it needs only their packages:
pip install neural-pipeline-search==0.17.0 smac==2.4.0 "scikit-learn<1.8"
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import optuna

from benchmarks.search_quality.methods import COMPETITORS, DEFAULT, METHODS, YARDSTICK
from benchmarks.search_quality.report import comparisons, plot, tables
from benchmarks.search_quality.run import Settings, measured
from benchmarks.search_quality.verdicts import verdicts
from benchmarks.surroundings import command, surroundings

_RESULTS = Path(__file__).parents[1] / "results"
# The first four were used with a prototype of this search. The other ten are every third of the remaining 30 in the
# order of their names, beginning with the second. The default was chosen on the four analytic tasks and on eight of the
# 30: every third one, beginning with the first.
_LCBENCH = (
    *("167152", "126026", "34539", "189873"),
    *("126029", "167149", "167181", "167190", "168329", "168335", "168910", "189865", "189906", "3945"),
)


def main() -> None:
    """Run the searches, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budget", type=int, default=40, help="epochs of a search, in full trainings")
    parser.add_argument("--workers", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(COMPETITORS))
    parser.add_argument("--lcbench", type=Path, help="folder of YAHPO's LCBench")
    parser.add_argument("--tasks", nargs="*", default=_LCBENCH, help="OpenML task ids of LCBench")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--keep", type=Path, help="folder that keeps the simulated searches")
    parser.add_argument("--name", default="search_quality", help="beginning of the names of the result files")
    arguments = parser.parse_args()
    methods = tuple(dict.fromkeys([DEFAULT, *arguments.methods, YARDSTICK]))
    for workers in arguments.workers:
        settings = Settings(
            methods,
            arguments.seeds,
            arguments.budget,
            workers,
            arguments.lcbench,
            tuple(arguments.tasks),
            arguments.keep,
        )
        _write(_result(settings, arguments.jobs), f"{arguments.name}_{workers}_workers")


def _result(settings: Settings, jobs: int) -> dict[str, Any]:
    started = time.monotonic()
    tasks = {}
    for name, figures in measured(settings, jobs):
        tasks[name] = figures
        print(f"{settings.workers} workers, {name} done after {time.monotonic() - started:.0f} s", flush=True)
    return {
        "command": command("search_quality", str(settings.lcbench), str(settings.keep)),
        "seeds": settings.seeds,
        "budget": settings.budget,
        "checkpoints": list(settings.checkpoints),
        "workers": settings.workers,
        "default": DEFAULT,
        "methods": list(settings.methods),
        "tasks": tasks,
        **surroundings(("optuna", "numpy", "onnxruntime", "syne-tune", "ax-platform")),
    }


def _write(result: dict[str, Any], name: str) -> None:
    text = "\n".join([verdicts(result), tables(result), comparisons(result, DEFAULT)])
    print(text)
    rounded = json.loads(json.dumps(result), parse_float=lambda digits: round(float(digits), 4))
    (_RESULTS / f"{name}.json").write_text(json.dumps(rounded) + "\n", encoding="utf-8")
    head = f"# Quality of the search\n\n`{result['command']}`, {result['date']}, optuna {optuna.__version__}\n\n"
    (_RESULTS / f"{name}.md").write_text(head + text, encoding="utf-8")
    plot(result, _RESULTS / f"{name}.png")


if __name__ == "__main__":
    main()
