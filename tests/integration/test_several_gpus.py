"""Trials of two processes through Ray Tune: on CPUs over gloo, as on GPUs over NCCL."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from simulated_search import small_space

from tuner.engine.trainable import run_trial
from tuner.engine.trial_task import TrialTask, task_of

pytestmark = pytest.mark.slow

EPOCHS = 3
STOPPED, KILLED, WHOLE = range(3)


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False)
    yield
    ray.shutdown()


def config(number: int) -> dict[str, Any]:
    """Return Ray Tune's config of a trial on two processes."""
    settings = {"train_fraction": 0.1, "eval_images": 20, "augmentation": "crop_flip", "epochs": EPOCHS}
    settings |= {"attack_steps": 2, "eval_attack_steps": 2, "batch_size": 32}
    task = TrialTask(
        number=number,
        config=small_space(trial=settings).trial_config({"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}),
        checkpoints=(),
        device="cpu",
        gpus=0.0,
        threads=1,
        processes=2,
        split_digest=None,
        start_digest=None,
        confirmation=None,
    )
    return task.to_ray_config()


def followers() -> list[int]:
    """Return the ids of the processes that follow a leader; Ray names them after their class."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # the process ended in between
            if path.read_bytes().startswith(b"ray::_Follower"):
                found.append(int(path.parent.name))
    return found


class Watching(FIFOScheduler):
    """Stops one trial after its first epoch, and kills the other process of another one, once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: dict[int, list[dict[str, Any]]] = {STOPPED: [], KILLED: [], WHOLE: []}
        self.alive: list[int] = []

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        del tune_controller
        number = task_of(trial.config).number
        self.seen[number].append({k: v for k, v in result.items() if k.startswith("metrics/") or k == "epoch"})
        self.alive.append(len(followers()))
        if number == STOPPED:
            return str(TrialScheduler.STOP)
        if number == KILLED and len(self.seen[KILLED]) == 1:
            for process in followers():
                os.kill(process, signal.SIGKILL)
        return str(TrialScheduler.CONTINUE)


def without_seconds(epochs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in epoch.items() if key != "metrics/seconds"} for epoch in epochs]


@pytest.mark.usefixtures("_cluster")
def test_two_processes_train_stop_and_come_back_as_one(tmp_path: Path) -> None:
    watching = Watching()
    tuner = tune.Tuner(
        tune.with_resources(run_trial, tune.PlacementGroupFactory([{"CPU": 1}] * 2, strategy="STRICT_PACK")),
        param_space=tune.grid_search([config(number) for number in (STOPPED, KILLED, WHOLE)]),
        tune_config=tune.TuneConfig(scheduler=watching, reuse_actors=True, max_concurrent_trials=1),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path), failure_config=tune.FailureConfig(max_failures=1), verbose=0
        ),
    )
    results = tuner.fit()
    assert not results.errors
    assert [epoch["epoch"] for epoch in watching.seen[STOPPED]] == [1]
    assert [epoch["epoch"] for epoch in watching.seen[WHOLE]] == [1, 2, 3]
    assert without_seconds(watching.seen[KILLED]) == without_seconds(watching.seen[WHOLE])
    assert set(watching.alive) == {1}, "one other process a trial, and none of an earlier one"
    for _ in range(50):
        if not followers():
            return
        time.sleep(0.2)
    pytest.fail("a process outlived its trial")
