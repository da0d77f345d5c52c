"""How large the pages of a large search are, and how long and how much memory each command takes on it.

Run:  python -m benchmarks.browsing [--trials 10000]
Writes a made-up search into a temporary folder: a tenth of its trials complete 20 epochs, the others stop after 5.
Writes benchmarks/results/browsing.json with hardware, versions, date and command.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from optuna.trial import TrialState, create_trial
from plotly.io.json import to_json_plotly

from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings, write_result
from tuner.driver.create import provenance
from tuner.ledger import Decision, SqlLedger, default_ledger_url
from tuner.ledger.reports import table
from tuner.live.application import LiveSearch
from tuner.runs.folder import SearchFolder
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_BUDGET, _RUNG = 20, 5
_RUNS = 3
# `{run}` is the number of the run. The search is not running, so an instruction is recorded and waits.
_COMMANDS = (
    "front large",
    "front large --knee",
    "show large",
    "show large --trial 4321",
    "list",
    "status large",
    "set large search.trials={trials}",
    "add large alpha=0.{run}",
    "stop large",
    "clone large large-{run}",
    "prune large --yes",
)


def main() -> None:
    """Write the search, run the commands, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--completed", type=float, default=0.1, help="share of trials that complete")
    arguments = parser.parse_args()
    os.environ.pop("TUNER_LEDGER", None)
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder)
        make_search(runs_dir, arguments.trials, arguments.completed)
        words = {"trials": arguments.trials + 50}
        commands = {command: _runs(runs_dir, command.format(run="{run}", **words)) for command in _COMMANDS}
        page = round((runs_dir / "large" / "front.html").stat().st_size / 1e6, 2)
        live = _live(runs_dir)
        commands["delete large --yes"] = _runs(runs_dir, "delete large --yes", count=1)
        figures = {
            "trials": arguments.trials,
            "completed_share": arguments.completed,
            "commands": commands,
            "front.html (MB)": page,
            "live page": live,
        }
    found = {
        "figures": figures,
        "command": command_line("browsing"),
        **surroundings(["optuna", "plotly", "matplotlib"]),
    }
    write_result(_RESULTS / "browsing.json", found)


def make_search(runs_dir: Path, trials: int, completed: float) -> None:
    """Write a made-up search named `large`: its folder, its ledger and all reports."""
    space = load_space("digits_tradeoff")
    folder = SearchFolder(runs_dir / "large")
    folder.path.mkdir(parents=True)
    facts = {"search_id": "large-0", "space": space.model_dump(mode="json")}
    ledger = SqlLedger.create(default_ledger_url(folder.path), "large", space.objective_list, facts)
    rows = list(_trials(space, trials, completed))
    ledger._study.add_trials([trial for trial, _ in rows])  # noqa: SLF001
    reports = [report for number, (_, found) in enumerate(rows) for report in _with_number(number, found)]
    with ledger._engine.begin() as connection:  # noqa: SLF001
        connection.execute(table.insert(), reports)
    ledger.close()
    folder.freeze(space, {"search_id": "large-0", **provenance()})


def _trials(space: Space, count: int, completed: float) -> Iterator[tuple[Any, list[dict[str, float]]]]:
    rng = np.random.default_rng(0)
    for number in range(count):
        done = number % max(1, round(1 / completed)) == 0
        share, quality = float(rng.random()), float(rng.beta(5, 2))
        parameters = {
            "alpha": share,
            "beta": float(10 ** rng.uniform(-4, -1)),
            "lambda": float(10 ** rng.uniform(-1, 1)),
            "bottleneck": int(rng.choice([16, 32, 64, 128])),
        }
        end = [0.98 - 0.2 * share**2 - 0.1 * (1 - quality), 0.1 + 0.4 * share**0.5 - 0.1 * (1 - quality)]
        grown = [1 - 0.6 * 0.8**epoch for epoch in range(_BUDGET if done else _RUNG)]
        metrics = [{"natural_accuracy": end[0] * g, "pgd_accuracy": max(0.0, end[1] * g)} for g in grown]
        yield (
            create_trial(
                params=parameters,
                distributions=space.distributions(),
                values=list(metrics[-1].values()) if done else None,
                state=TrialState.COMPLETE if done else TrialState.PRUNED,
            ),
            metrics,
        )


def _with_number(number: int, metrics: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    for epoch, values in enumerate(metrics, start=1):
        yield {
            "search": "large",
            "trial": number,
            "epoch": epoch,
            "rung": epoch == _RUNG,
            "decision": Decision.CONTINUE.value,
            "checkpoint": None,
            "time": float(number * _BUDGET + epoch),
            "metrics": json.dumps(values),
        }


def _runs(runs_dir: Path, command: str, count: int = _RUNS) -> dict[str, float]:
    """Return the seconds of a command, including the start of Python, and the most memory that a run of it took."""
    taken, memory = [], []
    for run in range(1, count + 1):
        words = command.format(run=run).split()
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner", *words, "--runs-dir", str(runs_dir)], stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        taken.append(time.perf_counter() - started)
        memory.append(used.ru_maxrss / 1000)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"tuner {' '.join(words)} ended with exit code {process.returncode}.")
    return {**_spread(taken), "MB": round(max(memory)), "runs": count}


def _spread(seconds: list[float]) -> dict[str, float]:
    found = {"median": median(seconds), "least": min(seconds), "most": max(seconds)}
    return {f"{name} (s)": round(value, 2) for name, value in found.items()}


def _live(runs_dir: Path) -> dict[str, Any]:
    """Return the seconds of one reading of the live page, the size of its answer, and this process's memory."""
    search = LiveSearch(runs_dir, "large")
    taken, size = [], 0
    for _ in range(_RUNS):
        started = time.perf_counter()
        size = len(str(to_json_plotly(search.snapshot(""))))
        taken.append(time.perf_counter() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {**_spread(taken), "first answer (MB)": round(size / 1e6, 2), "MB": round(memory), "runs": _RUNS}


if __name__ == "__main__":
    main()
