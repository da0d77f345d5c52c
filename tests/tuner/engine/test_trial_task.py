"""The task that travels through Ray Tune's config."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest
from ray import cloudpickle
from ray.tune.search.variant_generator import format_vars
from ray_stand_ins import trial_task

from tuner.engine.trial_task import ConfirmationTask, task_of


def test_a_task_arrives_as_it_was_sent() -> None:
    confirmation = ConfirmationTask(suite="quick", images=0, folder="/runs/a/evaluations", weights=None)
    task = trial_task(7, confirmation=confirmation)
    sent = cloudpickle.dumps(task.to_ray_config())  # type: ignore[no-untyped-call]
    arrived = task_of(cloudpickle.loads(sent))
    assert arrived == task
    with pytest.raises(FrozenInstanceError):
        arrived.number = 8  # type: ignore[misc]


def test_rays_label_of_a_task_is_short() -> None:
    label = format_vars({(key,): value for key, value in trial_task(7).to_ray_config().items()})
    assert label == "task=trial_7"


def test_a_worker_reads_a_task_without_heavy_imports() -> None:
    heavy = "{'torch', 'optuna', 'sqlalchemy', 'pydantic', 'ray'}"
    code = f"import sys; import tuner.engine.trial_task; print({heavy} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
