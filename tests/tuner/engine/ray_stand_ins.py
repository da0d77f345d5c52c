"""Tasks, trials of Ray Tune and their reports, for tests without a cluster."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from simulated_search import small_space

from tuner.engine.trial_task import TrialTask

POINT = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}


def trial_task(number: int = 0, trial: dict[str, Any] | None = None, **changes: Any) -> TrialTask:
    """Return a task for one process on the CPU; `trial` changes the space's fixed keys, `changes` the task's fields."""
    fields: dict[str, Any] = {
        "number": number,
        "config": small_space(trial=trial or {}).trial_config(POINT),
        "checkpoints": (),
        "device": "cpu",
        "gpus": 0.0,
        "threads": 1,
        "processes": 1,
        "split_digest": None,
        "start_digest": None,
        "confirmation": None,
    }
    return TrialTask(**fields | changes)


def ray_trial(
    number: int, error_file: Path | None = None, failures: int = 0, pickled_error_file: Path | None = None
) -> Any:
    """Return the part of a trial of Ray Tune that the engine looks at."""
    return SimpleNamespace(
        trial_id=str(number),
        config=trial_task(number).to_ray_config(),
        error_file=None if error_file is None else str(error_file),
        pickled_error_file=None if pickled_error_file is None else str(pickled_error_file),
        storage=SimpleNamespace(trial_dir_name=f"trial-{number:04d}_ab12", current_checkpoint_index=-1),
        status=Trial.RUNNING,
        num_failures=failures,
        max_failures=99,
    )


def result(epoch: int, natural: float = 0.5, pgd: float = 0.5, **others: Any) -> dict[str, Any]:
    """Return an epoch's report, with flat keys, as Ray passes it to a scheduler."""
    return {
        "epoch": epoch,
        "metrics/natural_accuracy": natural,
        "metrics/pgd_accuracy": pgd,
        "time_total_s": 1,
        **others,
    }
