"""The installed Ray has every undocumented name that this project uses; a failure lists those that it lacks."""

import importlib
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.train._internal.storage import StorageContext
from ray.train.constants import CHECKPOINT_DIR_NAME
from ray.tune.experiment import Trial
from ray_stand_ins import trial_task

from tuner.driver import slurm_script
from tuner.engine.cluster import ENVIRONMENT, HEAD_PATIENCE
from tuner.engine.ray_private import (
    CHECKPOINT_FOLDER_KEY,
    CHECKPOINT_PREFIX,
    PRIVATE_NAMES,
    allow_failures,
    failures,
    folder_name,
    forget_metrics,
    has_failed,
    last_failure,
    ray_task,
    without_sigterm_handler,
)

RAY = Path(ray.__file__).parent


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a real trial of Ray Tune; only its folder is not that of a running Ray."""
    monkeypatch.setattr("ray.train._internal.storage._get_ray_train_session_dir", lambda: str(tmp_path / "driver"))
    storage = StorageContext(storage_path=str(tmp_path), experiment_dir_name="ray/session-1")
    made: Any = Trial(
        "run_trial",
        config=trial_task(7).to_ray_config(),
        storage=storage,
        trial_dirname_creator=lambda _: "trial-0007",
        stub=True,
        _setup_default_resource=False,
    )
    made.init_local_path()
    return made


def has(name: str, trial: Any) -> bool:
    """Return whether a dotted name exists; the attributes of Ray's class `Trial` are those of an instance."""
    module, parts = "ray", name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        module = ".".join(parts[:end])
        break
    for part in name.removeprefix(f"{module}.").split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
        found = trial if found is Trial else found
    return True


def test_ray_has_the_private_names(trial: Any) -> None:
    missing = [f"{name}: {reason}" for name, reason in PRIVATE_NAMES.items() if not has(name, trial)]
    assert not missing, f"Ray {ray.__version__} lacks, see tuner/engine/ray_private.py:\n" + "\n".join(missing)


def test_a_name_that_ray_lacks_is_noticed(trial: Any) -> None:
    assert not has("ray.tune.experiment.Trial.storage.no_such_name", trial)
    assert not has("ray._private.utils.no_such_name", trial)
    assert not has("ray.no_such_module.name", trial)


def test_ray_reads_the_environment_variables() -> None:
    """Python code reads most of them by their names; the core has the others in a list, without the prefix."""
    folders = ("_common", "_private", "tune")
    sources = "".join(file.read_text(encoding="utf-8") for folder in folders for file in (RAY / folder).rglob("*.py"))
    core = (RAY / "_raylet.so").read_bytes()
    slurm_job = (Path(slurm_script.__file__).parent / "templates" / "slurm_job.sh").read_text(encoding="utf-8")
    missing = [
        name
        for name in (*ENVIRONMENT, HEAD_PATIENCE, *re.findall(r"export (RAY_\w+)", slurm_job))
        if name not in sources and name.removeprefix("RAY_").encode() not in core
    ]
    assert not missing, f"Ray {ray.__version__} no longer reads, see tuner/engine/cluster.py: {missing}"


def test_checkpoints_have_the_names_that_ray_gives_them(trial: Any) -> None:
    assert CHECKPOINT_FOLDER_KEY == CHECKPOINT_DIR_NAME
    trial.storage._update_checkpoint_index({})
    assert trial.storage.checkpoint_dir_name.startswith(CHECKPOINT_PREFIX)


def test_what_is_read_of_a_trial_is_what_ray_wrote(trial: Any) -> None:
    assert ray_task(trial) == trial_task(7)
    assert folder_name(trial) == "trial-0007"
    assert (failures(trial), last_failure(trial), has_failed(trial)) == (0, None, False)
    for message in ("the first", "the second"):
        trial.handle_error(RuntimeError(message))
    error = last_failure(trial)
    assert error is not None
    assert "the second" in error
    assert "the first" not in error
    assert failures(trial) == 2
    trial.set_status(Trial.ERROR)
    assert has_failed(trial)


def test_ray_retries_as_often_as_it_may(trial: Any) -> None:
    trial.handle_error(RuntimeError("once"))
    allow_failures(trial, 0)
    assert not trial.should_recover()
    allow_failures(trial, 1)
    assert trial.should_recover()


def test_ray_forgets_the_metrics(trial: Any) -> None:
    trial.update_last_result({"epoch": 1, "loss": 0.5, "training_iteration": 1})
    assert trial.metric_analysis
    forget_metrics(trial)
    assert not trial.metric_analysis
    assert not trial.metric_n_steps


def test_ray_sets_no_answer_to_sigterm_inside_the_block() -> None:
    utils: Any = importlib.import_module("ray._private.utils")
    before = signal.getsignal(signal.SIGTERM)
    original = utils.set_sigterm_handler
    with without_sigterm_handler():
        utils.set_sigterm_handler(lambda *_: None)
        assert signal.getsignal(signal.SIGTERM) is before
    assert utils.set_sigterm_handler is original
