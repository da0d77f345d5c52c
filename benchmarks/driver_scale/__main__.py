"""How much one driver can handle: (a) reports a second, (b) trials through Ray, (c) commands on a large ledger.

Run:  python -m benchmarks.driver_scale [--parts a b c] [--seconds 20] [--runs 3] [--trials 1000] [--large 10000]
Part (a) measures on SQLite and, if Debian's package postgresql is installed, on a temporary PostgreSQL server, both as
durable as by default. It reports the middle run of several, and the rate of each. Writes
benchmarks/results/driver_scale.json with hardware, versions, date and command after each measurement; figures that are
not measured again stay in the file.
"""

import argparse
import json
import logging
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import postgres_server
from benchmarks.driver_scale import large, layers, through_ray
from benchmarks.surroundings import command, surroundings

_RESULT = Path(__file__).parents[1] / "results" / "driver_scale.json"
_CONCURRENCIES = (16, 100, 1000)
_COMMITS = 500


def main() -> None:
    """Measure the requested parts, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=["a", "b", "c"], default=["a", "b", "c"])
    parser.add_argument("--seconds", type=float, default=20, help="seconds of each run of part (a)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement of part (a)")
    parser.add_argument("--trials", type=int, default=1000, help="trials of part (b), on each side")
    parser.add_argument("--large", type=int, default=10_000, help="trials of part (c)")
    parser.add_argument("--concurrency", nargs="+", type=int, default=_CONCURRENCIES, help="trials at once in part (a)")
    arguments = parser.parse_args()
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for part in arguments.parts:
        for name, figures in _measured(part, arguments):
            print(json.dumps({part: {name: figures}}, indent=2), flush=True)
            _write(part, name, figures)


def _write(part: str, name: str, figures: Any) -> None:
    """Replace earlier figures; each entry has its own surroundings because it may come from another run."""
    known = json.loads(_RESULT.read_text("utf-8")) if _RESULT.exists() else {}
    found = {"figures": figures, "command": command("driver_scale")}
    known.setdefault(part, {})[name] = found | surroundings(("ray", "optuna", "mlflow", "sqlalchemy"))
    _RESULT.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", "utf-8")


def _measured(part: str, arguments: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    if part == "a":
        yield from _layers(arguments.concurrency, arguments.seconds, arguments.runs)
    elif part == "b":
        yield "side by side", through_ray.measure(arguments.trials)
    else:
        yield "commands", large.measure(arguments.large)


def _layers(concurrencies: list[int], seconds: float, runs: int) -> Iterator[tuple[str, Any]]:
    yield "durable commits per second of the disk, without a ledger", _commits_per_second()
    for concurrency in concurrencies:
        yield f"sqlite, {concurrency} trials", _middle_run(layers.Setting(concurrency, seconds), runs)
    most = max(concurrencies)
    without = layers.Setting(most, seconds, tracking=False)
    yield f"sqlite, {most} trials, without MLflow", _middle_run(without, runs)
    if postgres_server.is_installed():
        for concurrency in concurrencies:
            setting = layers.Setting(concurrency, seconds)
            yield f"postgresql, {concurrency} trials", _middle_run(setting, runs, layers.measure_on_postgres)


def _middle_run(
    setting: layers.Setting, runs: int, measure: Callable[[layers.Setting], dict[str, Any]] = layers.measure
) -> dict[str, Any]:
    """Return the figures of the run with the (lower) median rate, and the rates of all runs."""
    by_rate = sorted((measure(setting) for _ in range(runs)), key=lambda figures: figures["reports_per_second"])
    rates = [figures["reports_per_second"] for figures in by_rate]
    return by_rate[(runs - 1) // 2] | {"reports_per_second_of_each_run": rates}


def _commits_per_second() -> float:
    """Measure the upper limit of this disk for a ledger: the smallest durable transactions of SQLite in WAL mode."""
    with tempfile.TemporaryDirectory() as name, closing(sqlite3.connect(f"{name}/disk.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (n INTEGER)")
        started = time.perf_counter()
        for number in range(_COMMITS):
            db.execute("INSERT INTO t VALUES (?)", (number,))
        return round(_COMMITS / (time.perf_counter() - started), 1)


if __name__ == "__main__":
    main()
