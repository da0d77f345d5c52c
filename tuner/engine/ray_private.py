"""The only place that uses what Ray does not document: names that may change with any release of Ray.

`PRIVATE_NAMES` lists them with the reasons, and a test looks for each of them in the installed Ray. Run that test
before you raise Ray's upper bound in pyproject.toml.
"""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray._private import utils
from ray.tune.experiment import Trial

from tuner.engine.trial_task import TrialTask, task_of

# Names in Ray's modules, and attributes of a trial of Ray Tune; each with the reason why it is used.
PRIVATE_NAMES: Mapping[str, str] = {
    "ray._private.utils.set_sigterm_handler": "keeps Ray from answering SIGTERM while it connects",
    "ray.tune.experiment.Trial.config": "holds the trial's task",
    "ray.tune.experiment.Trial.trial_id": "identifies a run of a trial in this session",
    "ray.tune.experiment.Trial.status": "shows that a trial was ended without a call of any callback",
    "ray.tune.experiment.Trial.ERROR": "the status of such a trial",
    "ray.tune.experiment.Trial.storage.trial_dir_name": "the folder of the trial's checkpoints, unique in a session",
    "ray.tune.experiment.Trial.storage.current_checkpoint_index": "the number of the trial's newest checkpoint",
    "ray.tune.experiment.Trial.error_file": "holds the tracebacks of a crashed trial",
    "ray.tune.experiment.Trial.pickled_error_file": "holds the exception of a crashed trial",
    "ray.tune.experiment.Trial.num_failures": "counts the crashes that Ray retries",
    "ray.tune.experiment.Trial.max_failures": "the number of crashes after which Ray gives the trial up",
    "ray.tune.experiment.Trial.run_metadata.metric_analysis": "statistics that Ray never forgets",
    "ray.tune.experiment.Trial.run_metadata.metric_n_steps": "statistics that Ray never forgets",
    "ray.runtime_context.RuntimeContext.gcs_address": "the address of Ray's head, which is asked whether it is alive",
}

# Ray's words between the tracebacks in a trial's error file.
FAILURE_HEADING = "Failure # "
# The key of a report that names the folder of its checkpoint, and how these folders' names begin.
CHECKPOINT_FOLDER_KEY = "checkpoint_dir_name"
CHECKPOINT_PREFIX = "checkpoint_"


@contextmanager
def without_sigterm_handler() -> Iterator[None]:
    """Keep Ray from answering SIGTERM while it connects: it would leave the process half started, which aborts."""
    set_handler = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = set_handler


def gcs_address() -> str:
    """Return HOST:PORT of the connected cluster's head; raise what Ray raises if there is no connection."""
    return str(ray.get_runtime_context().gcs_address)


def ray_task(trial: Trial) -> TrialTask:
    """Return the task of a trial of Ray Tune."""
    return task_of(trial.config)


def continue_from(trial: Trial, checkpoints: tuple[str, ...]) -> None:
    """Let the next process of the trial continue from one of these checkpoints, and write over none of them.

    Ray learns of a checkpoint later than the record does. It would give its name to the next one.
    """
    storage: Any = trial.storage
    own = [Path(path).name for path in checkpoints if Path(path).parent.name == folder_name(trial)]
    used = [int(name.removeprefix(CHECKPOINT_PREFIX)) for name in own]
    storage.current_checkpoint_index = max([storage.current_checkpoint_index, *used])
    trial.config = replace(ray_task(trial), checkpoints=checkpoints).to_ray_config()


def folder_name(trial: Trial) -> str:
    """Return the name of the trial's folder in this session.

    It need not be the trial's name: Ray adds some letters if a trial is started twice in one session.
    """
    storage: Any = trial.storage
    return str(storage.trial_dir_name)


def failures(trial: Trial) -> int:
    """Return the number of the trial's crashes in this session, as Ray counts them."""
    return int(trial.num_failures)


def allow_failures(trial: Trial, count: int) -> None:
    """Let Ray start the trial again after `count` crashes, counted from the session's start."""
    trial.max_failures = count


def has_failed(trial: Trial) -> bool:
    """Return whether Ray has given the trial up."""
    return bool(trial.status == Trial.ERROR)


def last_failure(trial: Trial) -> str | None:
    """Return the text of the trial's last crash, or None if Ray has written none on the driver's disk."""
    path = trial.error_file
    if path is None or not Path(path).is_file():
        return None
    return Path(path).read_text(encoding="utf-8", errors="replace").split(FAILURE_HEADING)[-1].strip()


def last_exception(trial: Trial) -> BaseException | None:
    """Return the exception of the trial's last crash, or None if its process ended without one."""
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    error = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by this driver
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else None


def forget_metrics(trial: Trial) -> None:
    """Delete Ray's statistics of an ended trial: most of the memory of a driver with 10,000 trials."""
    trial.run_metadata.metric_analysis.clear()
    trial.run_metadata.metric_n_steps.clear()


class EmptyPickle:
    """Pickles without its attributes. Ray pickles its settings for `Tuner.restore`; here the ledger takes that part."""

    def __getstate__(self) -> dict[str, Any]:
        return {}
