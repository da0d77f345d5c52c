"""How large the page of a large search is, and how long `tuner front` and `tuner show` take on it.

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
from optuna.trial import TrialState, create_trial

from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings, write_result
from tuner.driver.create import provenance
from tuner.ledger import Decision, SqlLedger, default_ledger_url
from tuner.ledger.reports import table
from tuner.runs.folder import SearchFolder
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_BUDGET, _RUNG = 20, 5
_RUNS = 5


def main() -> None:
    """Write the search, run the commands, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--completed", type=float, default=0.1, help="share of trials that complete")
    arguments = parser.parse_args()
    os.environ.pop("TUNER_LEDGER", None)
    with tempfile.TemporaryDirectory() as folder:
        make_search(Path(folder), arguments.trials, arguments.completed)
        figures = {
            "trials": arguments.trials,
            "completed_share": arguments.completed,
            "runs of each command": _RUNS,
            "tuner front (s)": _seconds(folder, "front", "large"),
            "tuner front --knee (s)": _seconds(folder, "front", "large", "--knee"),
            "tuner show (s)": _seconds(folder, "show", "large"),
            "front.html (MB)": round((Path(folder) / "large" / "front.html").stat().st_size / 1e6, 2),
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


def _seconds(runs_dir: str, *command: str) -> dict[str, float]:
    """Return the median and the extremes of the seconds of a command, including the start of Python."""
    taken = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tuner", *command, "--runs-dir", runs_dir], check=True, stdout=subprocess.DEVNULL
        )
        taken.append(time.perf_counter() - started)
    return {"median": round(median(taken), 2), "least": round(min(taken), 2), "most": round(max(taken), 2)}


if __name__ == "__main__":
    main()
