"""Part (b): trials of one report through real Ray on this machine, compared with Ray Tune's own means.

Both sides run the same number of trials of the same space, two at a time, with actor reuse and Optuna's TPE for several
objectives, and both write each trial into an MLflow store in a file. Our side makes each report durable before it
decides; the growth of its driver's memory is measured, too. The other side is Ray Tune with OptunaSearch, which keeps
its study in memory, and MLflowLoggerCallback. They run in a separate process because Ray reads its settings on import.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.driver_scale.workload import metrics_of
from benchmarks.own_search import run_search
from tuner.ledger import TrialRecord
from tuner.search import Listener
from tuner.space import Space, load_space

_CONCURRENCY = 2


def measure(trials: int) -> dict[str, Any]:
    """Return the seconds of both sides, ours first, from the connected cluster to the last record in MLflow."""
    command = [sys.executable, "-m", "benchmarks.driver_scale.through_ray", str(trials)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def _measure(trials: int) -> dict[str, Any]:
    from tuner.engine import cluster

    cluster.connect(None)
    space = load_space(
        "digits_tradeoff",
        ["early_stopping.scheduler=none"],
        {"trial.epochs": 1, "search.trials": trials},
    )
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        _warm_up()
        memory = _Memory(trials)
        seconds = {"tuner": _ours(space, Path(ours), memory), "ray_optuna_mlflow": _theirs(space, Path(theirs))}
    return {
        "trials": trials,
        "driver_kilobytes_per_trial": memory.kilobytes_per_trial,
        "seconds": {side: round(taken, 1) for side, taken in seconds.items()},
        "trials_per_second": {side: round(trials / taken, 1) for side, taken in seconds.items()},
    }


def _warm_up() -> None:
    """Let Ray start its workers, which both sides use."""
    import ray

    @ray.remote
    def wait() -> None:
        time.sleep(0.1)

    ray.get([wait.remote() for _ in range(2 * _CONCURRENCY)])


def _one_report(config: dict[str, Any]) -> None:
    from ray import tune

    from tuner.engine.trial_task import task_of

    task = task_of(config)
    tune.report({"epoch": 1, "metrics": metrics_of(task.config.to_mapping(), task.number, 1)})


class _Memory(Listener):
    """Listens to a search and measures how the memory of this process grows during its second half."""

    def __init__(self, trials: int) -> None:
        self._half, self._last = trials // 2, trials
        self._ended = 0
        self._bytes: list[int] = []

    @property
    def kilobytes_per_trial(self) -> float:
        """The growth of the resident memory in kilobytes per trial."""
        first, last = self._bytes
        return round((last - first) / (self._last - self._half) / 1000, 1)

    def on_ended(self, trial: TrialRecord) -> None:
        """Count the trials, and read the memory after half of them and after all."""
        del trial
        self._ended += 1
        if self._ended in {self._half, self._last}:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self._bytes.append(pages * os.sysconf("SC_PAGE_SIZE"))


def _ours(space: Space, runs_dir: Path, memory: _Memory) -> float:
    return run_search(space, runs_dir, _one_report, concurrency=_CONCURRENCY, listeners=[memory])


def _theirs(space: Space, folder: Path) -> float:
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.optuna import OptunaSearch

    def one_report(config: dict[str, Any]) -> None:
        tune.report(metrics_of(config, 0, 1))

    started = time.perf_counter()
    objectives = space.objective_list
    searcher = OptunaSearch(
        space=space.distributions(),
        metric=[objective.name for objective in objectives],
        mode=["max" if objective.maximise else "min" for objective in objectives],
        seed=space.search.seed,
    )
    tuner = tune.Tuner(
        tune.with_resources(one_report, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(searcher, _CONCURRENCY), num_samples=space.search.trials, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder / "ray"),
            callbacks=[MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="many")],
            verbose=0,
        ),
    )
    results = tuner.fit()
    if results.num_errors or len(results) != space.search.trials:
        raise RuntimeError(f"{results.num_errors} of {len(results)} trials failed.")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(int(sys.argv[1]))) + "\n")
