"""How large the pages of a large search are, and how long and how much memory each command takes on it.

Run:  python -m benchmarks.browsing [--trials 10000]
Writes a made-up search into a temporary folder: a tenth of its trials complete 20 epochs, the others stop after 5.
Writes benchmarks/results/browsing.json with hardware, versions, date and command.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from optuna.trial import create_trial
from plotly.io.json import to_json_plotly

from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings, write_result
from tuner.driver.create import provenance
from tuner.ledger import Decision, Outcome, SqlLedger, default_ledger_url
from tuner.ledger.reports import table
from tuner.ledger.stored_trial import STATES, end_mark, start_mark
from tuner.live.application import LiveSearch
from tuner.runs.folder import SearchFolder
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_BUDGET, _RUNG = 20, 5
_ID = "large-0"
_RUNS = 3
_PAUSE_SECONDS = 0.01
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
    facts = {"search_id": _ID, "space": space.model_dump(mode="json")}
    ledger = SqlLedger.create(default_ledger_url(folder.path), "large", space.objective_list, facts)
    rows = list(_trials(space, trials, completed))
    ledger._study.add_trials([trial for trial, _ in rows])  # noqa: SLF001
    reports = [report for number, (_, found) in enumerate(rows) for report in _with_number(number, found)]
    with ledger._engine.begin() as connection:  # noqa: SLF001
        connection.execute(table.insert(), reports)
    ledger.close()
    folder.freeze(space, {"search_id": _ID, **provenance()})


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
        outcome, began = (Outcome.COMPLETED if done else Outcome.STOPPED), float(number * _BUDGET)
        marks = start_mark(_ID, number, began, enqueued=False) | end_mark(outcome, began + len(metrics))
        yield (
            create_trial(
                params=parameters,
                distributions=space.distributions(),
                values=list(metrics[-1].values()) if done else None,
                state=STATES[outcome],
                user_attrs=marks,
            ),
            metrics,
        )


def _end_of(epochs: int) -> Decision:
    return Decision.COMPLETE if epochs == _BUDGET else Decision.STOP


def _with_number(number: int, metrics: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    for epoch, values in enumerate(metrics, start=1):
        yield {
            "search": "large",
            "trial": number,
            "epoch": epoch,
            "rung": epoch == _RUNG,
            "decision": (Decision.CONTINUE if epoch < len(metrics) else _end_of(len(metrics))).value,
            "checkpoint": None,
            "time": float(number * _BUDGET + epoch),
            "metrics": json.dumps(values),
        }


def _runs(runs_dir: Path, command: str, count: int = _RUNS) -> dict[str, float]:
    """Return the seconds of a command, including the start of Python, and the most memory that a run of it took.

    The memory is read from Linux's /proc while the command runs: what `wait4` reports has that of this process in it.
    """
    taken, memory = [], []
    for run in range(1, count + 1):
        words = command.format(run=run).split()
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner", *words, "--runs-dir", str(runs_dir)], stdout=subprocess.DEVNULL
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_memory(process.pid))
            time.sleep(_PAUSE_SECONDS)
        taken.append(time.perf_counter() - started)
        memory.append(peak)
        if process.returncode:
            raise SystemExit(f"tuner {' '.join(words)} ended with exit code {process.returncode}.")
    return {**_spread(taken), "MB": round(max(memory)), "runs": count}


def _peak_memory(process: int) -> float:
    """Return the most memory that a process has taken so far, in MB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0.0)


def _spread(seconds: list[float]) -> dict[str, float]:
    found = {"median": median(seconds), "least": min(seconds), "most": max(seconds)}
    return {f"{name} (s)": round(value, 2) for name, value in found.items()}


def _live(runs_dir: Path) -> dict[str, Any]:
    """Return the seconds of one reading of the live page, and the size of its answer with the figure."""
    search = LiveSearch(runs_dir, "large")
    taken, size = [], 0
    for _ in range(_RUNS):
        started = time.perf_counter()
        size = len(str(to_json_plotly(search.snapshot(""))))
        taken.append(time.perf_counter() - started)
    return {**_spread(taken), "first answer (MB)": round(size / 1e6, 2), "runs": _RUNS}


if __name__ == "__main__":
    main()
