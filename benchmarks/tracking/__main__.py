"""What a search loses if its tracking server stops for a minute, or takes 500 ms for each call.

Run:  python -m benchmarks.tracking [--trials 12] [--epochs 10] [--epoch-seconds 2]
Three searches run side by side, so that the machine's noise is the same for all: one undisturbed, one without its
server from 30 to 90 seconds after its first trial, one with a slow server. Their epochs only sleep. Writes
benchmarks/results/tracking.json with hardware, versions, date and command.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chaos.checks import Faults, check_mlflow, read_trials
from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import own_environment, surroundings, write_result
from benchmarks.tracking.server import Door, tracking_server

_RESULT = Path(__file__).parents[1] / "results" / "tracking.json"
_AWAY_AFTER, _AWAY_SECONDS, _SLOW_SECONDS = 30.0, 60.0, 0.5


@dataclass(frozen=True)
class Measured:
    """One search: exit code, seconds from the first trial to the last end, and from there to the command's end."""

    code: int
    seconds: float
    closing_seconds: float


def main() -> None:
    """Run the searches side by side, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--epoch-seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tracking_server(folder) as port:
            doors = {"undisturbed": Door(port), "stopped": Door(port), "slow": Door(port, _SLOW_SECONDS)}
            threads, measured = [], {}
            for kind, door in doors.items():

                def run(kind: str = kind, door: Door = door) -> None:
                    measured[kind] = _run(folder / kind, door, arguments)

                threads.append(threading.Thread(target=run))
                threads[-1].start()
            _away(folder / "stopped", doors["stopped"])
            for thread in threads:
                thread.join()
            figures = {kind: _figures(folder / kind, port, measured[kind], doors[kind]) for kind in doors}
    base = measured["undisturbed"].seconds
    for kind in ("stopped", "slow"):
        figures[kind]["slower than undisturbed (%)"] = round(100 * (measured[kind].seconds / base - 1), 2)
    found = {"figures": figures, "command": command_line("tracking"), **surroundings(["ray", "mlflow"])}
    write_result(_RESULT, found)


def _run(folder: Path, door: Door, arguments: argparse.Namespace) -> Measured:
    command = [sys.executable, "-m", "benchmarks.tracking.sleeping_driver", str(arguments.epoch_seconds)]
    command += ["--space", "digits_tradeoff", "--name", folder.name, "--runs-dir", str(folder.parent)]
    command += ["--trials", str(arguments.trials), "--epochs", str(arguments.epochs), "--concurrency", "2"]
    command += ["--set", "early_stopping.scheduler=none", "--set", "search.sampler=random", "--tracking-uri", door.uri]
    with (folder.parent / f"{folder.name}.log").open("w", encoding="utf-8") as log:
        code = subprocess.run(command, check=False, stdout=log, stderr=log, env=own_environment()).returncode
    ended = time.time()
    trials = read_trials(folder)
    last = max(trial.ended or 0.0 for trial in trials)
    return Measured(code, last - min(trial.started for trial in trials), ended - last)


def _away(folder: Path, door: Door) -> None:
    while not ((folder / "space.yaml").exists() and read_trials(folder)):
        time.sleep(0.5)
    time.sleep(_AWAY_AFTER)
    door.close()
    time.sleep(_AWAY_SECONDS)
    door.open()


def _figures(folder: Path, port: int, measured: Measured, door: Door) -> dict[str, Any]:
    faults = Faults()
    values = check_mlflow(f"http://127.0.0.1:{port}", folder.name, read_trials(folder), faults)
    return {
        "exit code": measured.code,
        "from the first trial to the last end (s)": round(measured.seconds, 2),
        "from there to the end of the command (s)": round(measured.closing_seconds, 1),
        "calls": door.calls,
        "values in MLflow, all compared": values,
        "values that are missing or differ": faults.found,
    }


if __name__ == "__main__":
    main()
