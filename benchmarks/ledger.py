"""What a long search's ledger costs: the time to open it, the driver's memory, its size, and the time of a write.

Run:  python -m benchmarks.ledger [--trials 10000] [--epochs 100]
Writes a made-up search into a temporary folder: every trial has so many epochs of fifteen metrics, as the trainer
reports them. A separate process opens the ledger, rebuilds the search from it and runs one more trial. Writes
benchmarks/results/ledger.json with hardware, versions, date and command.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import sqlalchemy as sa
from optuna.distributions import distribution_to_json

from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings, write_result
from tuner.ledger import Decision, Ledger, Outcome, Report, SqlLedger, default_ledger_url
from tuner.ledger.reports import row_of, table
from tuner.ledger.stored_trial import STATES, end_mark, start_mark
from tuner.search import Search
from tuner.space import Space, load_space

_RESULT = Path(__file__).parent / "results" / "ledger.json"
_NAME = "long"
_ID = "long-0"
_WRITES = 20
_METRICS = (
    *("natural_accuracy", "pgd_accuracy", "lambda", "learning_rate", "seconds"),
    *("loss/natural_cross_entropy", "loss/adversarial_cross_entropy", "loss/symmetric_kl", "loss/information"),
    *("loss/total", "gradient_norm/natural_cross_entropy", "gradient_norm/adversarial_cross_entropy"),
    *("gradient_norm/symmetric_kl", "gradient_norm/information", "gradient_norm/total"),
)


def main() -> None:
    """Write the ledgers, open each in a separate process, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument(
        "--open",
        metavar="FOLDER",
        help="open the ledger in FOLDER and print the figures; the benchmark starts this itself",
    )
    arguments = parser.parse_args()
    if arguments.open:
        sys.stdout.write(json.dumps(_opened(Path(arguments.open), arguments.epochs)))
        return
    figures = {
        "small": _measured(trials=10, epochs=arguments.epochs),
        "large": _measured(trials=arguments.trials, epochs=arguments.epochs),
    }
    found = {
        "figures": figures,
        "command": command_line("ledger"),
        **surroundings(["optuna", "sqlalchemy"]),
    }
    write_result(_RESULT, found)


def _measured(trials: int, epochs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        make_ledger(Path(folder), trials, epochs)
        size = (Path(folder) / "ledger.db").stat().st_size
        command = [sys.executable, "-m", "benchmarks.ledger", "--open", folder, "--epochs", str(epochs)]
        opened = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {
        "trials": trials,
        "epochs": epochs,
        "size (MB)": round(size / 1e6, 1),
        "size of a report (bytes)": round(size / (trials * epochs)),
        **opened,
    }


def _space(epochs: int, trials: int) -> Space:
    return load_space("digits_tradeoff", flags={"trial.epochs": epochs, "search.trials": trials})


def make_ledger(folder: Path, trials: int, epochs: int) -> None:
    """Write a made-up search: every tenth trial is completed, the others are stopped at the last epoch."""
    space = _space(epochs, trials)
    facts = {"search_id": _ID, "space": space.model_dump(mode="json")}
    ledger = SqlLedger.create(default_ledger_url(folder), _NAME, space.objective_list, facts)
    rng = np.random.default_rng(0)
    with ledger._engine.begin() as connection:  # noqa: SLF001
        _insert_trials(connection, space, rng, trials)
        for number in range(trials):
            connection.execute(table.insert(), list(_rows(rng, number, epochs)))
    ledger.close()


def _insert_trials(connection: sa.Connection, space: Space, rng: np.random.Generator, trials: int) -> None:
    """Write the trials directly into Optuna's tables, because Optuna itself would need minutes."""
    tables = sa.MetaData()
    tables.reflect(connection)
    begun = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna writes it
    spoken = {name: (d, distribution_to_json(d)) for name, d in space.distributions().items()}
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number in range(trials):
        key = number + 1
        outcome = Outcome.STOPPED if number % 10 else Outcome.COMPLETED
        rows["trials"].append(
            {"trial_id": key, "number": number, "study_id": 1, "state": STATES[outcome].name}
            | {"datetime_start": begun, "datetime_complete": begun}
        )
        point = {"alpha": rng.random(), "beta": 10 ** rng.uniform(-4, -1), "lambda": 10 ** rng.uniform(-1, 1)}
        point["bottleneck"] = int(rng.choice([16, 32, 64, 128]))
        for name, value in point.items():
            distribution, text = spoken[name]
            internal = distribution.to_internal_repr(value)
            rows["trial_params"].append(
                {"trial_id": key, "param_name": name, "param_value": internal, "distribution_json": text}
            )
        attributes = start_mark(_ID, number, float(number), enqueued=False) | end_mark(outcome, number + 0.9)
        for name, content in attributes.items():
            rows["trial_user_attributes"].append({"trial_id": key, "key": name, "value_json": json.dumps(content)})
    for name, found in rows.items():
        connection.execute(tables.tables[name].insert(), found)


def _rows(rng: np.random.Generator, number: int, epochs: int) -> Iterator[dict[str, Any]]:
    for epoch in range(1, epochs + 1):
        end = epoch == epochs
        decision = Decision.CONTINUE if not end else Decision.STOP if number % 10 else Decision.COMPLETE
        checkpoint = f"ray/session-1/trial-{number:04d}/checkpoint_{epoch:06d}"
        metrics = dict(zip(_METRICS, rng.random(len(_METRICS)).tolist(), strict=True))
        yield row_of(_NAME, number, Report(epoch, metrics, epoch == 5, decision, checkpoint, number + epoch / epochs))


def _opened(folder: Path, epochs: int) -> dict[str, float]:
    """Open the ledger, rebuild the search and write one more trial; return the seconds of each and the memory."""
    url = default_ledger_url(folder)
    space = _space(epochs, 1)  # before the measurement: its check loads the trainer, which no ledger needs
    before = _resident()
    started, started_cpu = time.perf_counter(), time.process_time()
    ledger = SqlLedger.open(url, _NAME)
    trials = ledger.load()
    loaded, loaded_cpu = time.perf_counter(), time.process_time()
    search = Search(
        space.model_copy(update={"search": space.search.model_copy(update={"trials": len(trials) + 1})}), ledger
    )
    rebuilt, rebuilt_cpu = time.perf_counter(), time.process_time()
    memory = _resident() - before
    writes = _write(ledger, search)
    ledger.close()
    with sa.create_engine(url).connect() as connection:
        assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
    return {
        "open and load (s)": round(loaded - started, 2),
        "open and load (s of CPU)": round(loaded_cpu - started_cpu, 2),
        "rebuild the search, with its own load (s)": round(rebuilt - loaded, 2),
        "rebuild the search, with its own load (s of CPU)": round(rebuilt_cpu - loaded_cpu, 2),
        "memory for it (MB)": round(memory / 1e6, 1),
        **writes,
    }


def _write(ledger: Ledger, search: Search) -> dict[str, float]:
    """Return the median milliseconds of CPU of each kind of write; the disk's part does not depend on the size."""
    proposals, records, ends = [], [], []
    distributions = search.space.distributions()
    point = {"alpha": 0.5, "beta": 0.001, "lambda": 4.0, "bottleneck": 128}
    metrics = dict.fromkeys(_METRICS, 0.5)
    for _ in range(_WRITES):
        started = time.process_time()
        number = ledger.propose(point, distributions)
        proposed = time.process_time()
        ledger.record(number, Report(1, metrics, rung=False, decision=Decision.STOP, checkpoint=None, time=0.0))
        recorded = time.process_time()
        ledger.finish(number, Outcome.STOPPED)
        proposals.append(proposed - started)
        records.append(recorded - proposed)
        ends.append(time.process_time() - recorded)
    kinds = {"a proposal": proposals, "a report": records, "an end": ends}
    return {f"write {kind} (ms of CPU, median of {_WRITES})": round(1000 * median(t), 2) for kind, t in kinds.items()}


def _resident() -> int:
    """Return this process's resident memory in bytes; its peak is no help because imports dominate it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
