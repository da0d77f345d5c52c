"""What a search costs its trials besides training: the wait for decisions, and the time to start.

Run:  python -m benchmarks.search_overhead [--trials 16] [--seconds 5] [--epochs 12] [--data-root DIR]
(a) 16 trials run at once through Ray, with ledger and MLflow in files; their epochs only sleep for 5 seconds. How long
does a trial wait for the answer to a report, as a share of its epochs? (b) Real trials start but do not train. How much
time passes from the driver's choice of a trial to the trial's first step, in a new process and in one that served
another trial before? Part (b) uses digits, and with --data-root also CIFAR-10 with ResNet-18. Writes
benchmarks/results/search_overhead.json with hardware, versions, date and command.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.driver_scale.workload import metrics_of
from benchmarks.own_search import run_search
from benchmarks.surroundings import command, surroundings, write_result
from tuner.search import Assignment, Listener, Search
from tuner.space import load_space

_RESULT = Path(__file__).parent / "results" / "search_overhead.json"
_WAITED = "report_seconds"
_STARTS = 12
_AT_ONCE = 2


def main() -> None:
    """Measure, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=16, help="trials that run at once")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of an epoch")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of a trial")
    parser.add_argument("--data-root", help="a folder with CIFAR-10")
    arguments = parser.parse_args()
    from tuner.engine import cluster

    cluster.connect(None)
    figures: dict[str, Any] = {"reports": _waiting(arguments.trials, arguments.seconds, arguments.epochs)}
    figures["starts, digits"] = _starting("digits_tradeoff", {})
    if arguments.data_root:
        data_root = str(Path(arguments.data_root).resolve())
        figures["starts, CIFAR-10 and ResNet-18"] = _starting("cifar10_tradeoff", {"trial.data_root": data_root})
    found = {"figures": figures, "command": command("search_overhead", arguments.data_root)}
    found |= surroundings(("ray", "optuna", "mlflow", "torch"))
    write_result(_RESULT, found)


def _waiting(trials: int, seconds: float, epochs: int) -> dict[str, Any]:
    """Measure how long the trials waited for the answers to their reports."""
    space = load_space(
        "digits_tradeoff",
        ["early_stopping.scheduler=none"],
        {"trial.epochs": epochs, "search.trials": trials, "resources.cpus_per_trial": 0.1},
    )
    waits: list[float] = []

    def look(search: Search) -> None:
        for trial in search.trials:
            waits.extend(report.metrics[_WAITED] for report in trial.reports if _WAITED in report.metrics)

    with tempfile.TemporaryDirectory() as runs_dir:
        run_search(space, Path(runs_dir), _napping(seconds, epochs), concurrency=trials, seen=look)
    return {
        "trials_at_once": trials,
        "seconds_an_epoch": seconds,
        "reports": len(waits),
        "share_of_the_epochs": round(float(np.mean(waits)) / seconds, 4),
        "milliseconds_median": round(1000 * float(np.median(waits)), 1),
        "milliseconds_longest": round(1000 * max(waits), 1),
    }


def _napping(seconds: float, epochs: int) -> Callable[[dict[str, Any]], None]:
    def nap(config: dict[str, Any]) -> None:
        from ray import tune

        from tuner.engine.trial_task import task_of

        task = task_of(config)
        waited: dict[str, float] = {}
        for epoch in range(1, epochs + 1):
            time.sleep(seconds)
            metrics = metrics_of(task.config.to_mapping(), task.number, epoch)
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "checkpoint.pt").write_bytes(bytes(1000))
                began = time.perf_counter()
                checkpoint = tune.Checkpoint.from_directory(folder)
                tune.report({"epoch": epoch, "metrics": metrics | waited}, checkpoint=checkpoint)
            waited = {_WAITED: time.perf_counter() - began}

    return nap


def _starting(name: str, fixed: dict[str, Any]) -> dict[str, Any]:
    """Measure the seconds from the choice of a trial to its first step, and how many of them passed in its process."""
    fixed = {"trial.epochs": 1, "search.trials": _STARTS, "resources.gpus_per_trial": 0, **fixed}
    space = load_space(name, ["early_stopping.scheduler=none"], {"resources.cpus_per_trial": 1, **fixed})
    chosen = _Chosen()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as runs_dir:
        run_search(space, Path(runs_dir), _starts_only(folder), concurrency=_AT_ONCE, listeners=[chosen])
        starts = [json.loads(path.read_text("utf-8")) for path in sorted(Path(folder).iterdir())]
    return {
        kind: _summary([start for start in starts if start["reused"] is reused], chosen.at)
        for kind, reused in (("in a new process", False), ("in a process that served another trial", True))
    }


def _summary(starts: Sequence[dict[str, Any]], chosen: dict[int, float]) -> dict[str, Any]:
    whole = [start["ready"] - chosen[start["number"]] for start in starts]
    own = [start["ready"] - start["called"] for start in starts]
    return {
        "trials": len(starts),
        "seconds_from_the_choice_median": round(float(np.median(whole)), 2),
        "seconds_from_the_choice_longest": round(max(whole), 2),
        "seconds_in_the_process_median": round(float(np.median(own)), 2),
    }


class _Chosen(Listener):
    """Listen to a search and note when each trial is chosen."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}

    def on_started(self, assignment: Assignment) -> None:
        """Note the time."""
        self.at[assignment.number] = time.time()


def _starts_only(folder: str) -> Callable[[dict[str, Any]], None]:
    """Return a trial that starts like any other and notes when it is ready; its epochs train nothing."""

    def trial(config: dict[str, Any]) -> None:
        called = time.time()
        reused = bool(os.environ.get("BENCHMARK_SERVED"))
        os.environ["BENCHMARK_SERVED"] = "yes"
        from training.trainer import Trainer
        from tuner.engine.trainable import run_trial
        from tuner.engine.trial_task import task_of

        number = task_of(config).number

        def train_epoch(trainer: Trainer, *_: Any) -> dict[str, float]:
            times = {"number": number, "called": called, "ready": time.time(), "reused": reused}
            (Path(folder) / f"{number:04d}").write_text(json.dumps(times), encoding="utf-8")
            trainer.epoch += 1
            return {"natural_accuracy": 0.5, "pgd_accuracy": 0.25}

        with patch.object(Trainer, "train_epoch", train_epoch):
            run_trial(config)

    return trial


if __name__ == "__main__":
    main()
